import type { Container, LimitRange, Pod } from "#api/gen/types.ts";
import type { Draft, Loose } from "#api/rules/rules.ts";

/** Where it is written what a pod did not ask for itself. */
export const limitRangerAnnotation = "kubernetes.io/limit-ranger";

type ResourceList = Readonly<Record<string, string>>;

interface Requirements {
  readonly limits: ResourceList;
  readonly requests: ResourceList;
}

/**
 * Gives the containers of a new pod the limits and requests that they lack and the range has, and
 * notes in an annotation which. Upstream: `PodMutateLimitFunc`.
 */
export function applyDefaults(range: Loose<LimitRange>, pod: Draft<Pod>): void {
  const given = requirementsOf(range);
  const notes: string[] = [];
  for (const it of pod.spec?.containers ?? []) notes.push(...fill(it, given, "container"));
  for (const it of pod.spec?.initContainers ?? []) notes.push(...fill(it, given, "init container"));
  if (notes.length === 0) return;
  const annotations = ((pod.metadata ??= {}).annotations ??= {});
  annotations[limitRangerAnnotation] = `LimitRanger plugin set: ${notes.join("; ")}`;
}

function requirementsOf(range: Loose<LimitRange>): Requirements {
  const limits: Record<string, string> = {};
  const requests: Record<string, string> = {};
  for (const it of range.spec?.limits ?? []) {
    if (it.type !== "Container") continue;
    Object.assign(requests, it.defaultRequest);
    Object.assign(limits, it.default);
  }
  return { limits, requests };
}

function fill(container: Draft<Container>, given: Requirements, what: string): string[] {
  const notes: string[] = [];
  for (const part of ["requests", "limits"] as const) {
    const own = container.resources?.[part] ?? {};
    const missing = Object.entries(given[part]).filter(([name]) => own[name] === undefined);
    if (missing.length === 0) continue;
    (container.resources ??= {})[part] = { ...own, ...Object.fromEntries(missing) };
    const names = missing.map(([name]) => name).sort();
    const one = part === "requests" ? "request" : "limit";
    notes.push(`${names.join(", ")} ${one} for ${what} ${container.name ?? ""}`);
  }
  return notes;
}
