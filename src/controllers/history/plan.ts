import type { ControllerRevision, PodTemplateSpec } from "#api/gen/types.ts";
import { sortedKeys } from "#api/json-value.ts";
import { isJsonObject, type Json } from "#api/object.ts";
import { nameOf } from "#client/object-key.ts";
import { canonicalTemplate, templateHash } from "#controllers/deployment/template-hash.ts";

/** What is to be done so that the history has the present template as its latest revision. */
export type HistoryPlan =
  | { readonly kind: "present"; readonly revision: ControllerRevision }
  /** An earlier revision is wanted again: it gets the highest number. */
  | { readonly kind: "raise"; readonly revision: ControllerRevision; readonly number: number }
  | { readonly kind: "create"; readonly hash: string; readonly number: number };

/** Upstream: `pkg/controller/history`, as its users find the revision of an object. */
export function planHistory(
  template: PodTemplateSpec,
  revisions: readonly ControllerRevision[],
  nameOfHash: (hash: string) => string,
): HistoryPlan {
  const sorted = revisions.toSorted((a, b) => a.revision - b.revision);
  const latest = sorted.at(-1);
  const number = (latest?.revision ?? 0) + 1;
  const text = canonicalTemplate(template);
  const equal = sorted.findLast((it) => canonicalTemplate(templateOf(it)) === text);
  if (equal !== undefined) {
    return equal === latest
      ? { kind: "present", revision: equal }
      : { kind: "raise", revision: equal, number };
  }
  const taken = new Set(revisions.map(nameOf));
  let collisions = 0;
  while (taken.has(nameOfHash(templateHash(template, collisions)))) collisions += 1;
  return { kind: "create", hash: templateHash(template, collisions), number };
}

/**
 * What `kubectl rollout undo` patches back, as a strategic merge. Fields are in order: clients find
 * the revision of a template by comparing text (upstream: `getPatch`, `Match` of
 * `pkg/controller/daemon/update.go`).
 */
export function revisionData(template: PodTemplateSpec): Json {
  const patch = { ...(template as { [key: string]: Json }), $patch: "replace" };
  return inOrder({ spec: { template: patch } });
}

function inOrder(value: Json): Json {
  if (Array.isArray(value)) return value.map(inOrder);
  if (!isJsonObject(value)) return value;
  const fields = sortedKeys(value).map((key) => [key, inOrder(value[key] ?? null)]);
  return Object.fromEntries(fields) as Json;
}

/** The template that a revision holds; empty when it holds none. */
export function templateOf({ data }: ControllerRevision): PodTemplateSpec {
  const spec = isJsonObject(data) ? (data as { spec?: Json }).spec : undefined;
  const template = spec !== undefined && isJsonObject(spec) ? spec["template"] : undefined;
  if (template === undefined || !isJsonObject(template)) return {};
  return Object.fromEntries(Object.entries(template).filter(([key]) => key !== "$patch"));
}

/** The oldest revisions beyond the limit, those in use left out. */
export function obsolete(
  revisions: readonly ControllerRevision[],
  inUse: ReadonlySet<string>,
  limit: number,
): readonly ControllerRevision[] {
  const unused = revisions
    .filter((it) => !inUse.has(nameOf(it)))
    .toSorted((a, b) => a.revision - b.revision);
  return unused.slice(0, Math.max(0, unused.length - limit));
}
