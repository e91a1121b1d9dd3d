import type { JsonObject } from "#api/object.ts";
import type { Pod } from "#api/gen/types.ts";
import type { Loose } from "#api/rules/rules.ts";
import { violationsOf } from "./checks.ts";
import { levelText, type LevelVersion } from "./policy.ts";
import { subjectOf, type AnyContainer, type Subject } from "./subject.ts";

/** Pods that are looked at when a namespace becomes stricter; as upstream. */
export const podsCheckedMax = 3_000;

/** `PodSecurity "baseline:latest": privileged (…), …`; undefined for a pod that is allowed. */
export function findingOf(at: LevelVersion, pod: Subject): string | undefined {
  const violations = violationsOf(at, pod);
  if (violations.length === 0) return undefined;
  const parts = violations.map((it) =>
    it.detail === "" ? it.reason : `${it.reason} (${it.detail})`,
  );
  return `PodSecurity "${levelText(at)}": ${parts.join(", ")}`;
}

/**
 * Warnings about the pods that are there already, when their namespace begins to enforce a level.
 * Upstream: `EvaluatePodsInNamespace`.
 */
export function namespaceWarnings(
  namespace: string,
  at: LevelVersion,
  pods: readonly JsonObject[],
): string[] {
  const checked = distinctFirst(pods).slice(0, podsCheckedMax);
  const byReason = new Map<string, string[]>();
  for (const pod of checked) {
    const reasons = violationsOf(at, subjectOf(pod)).map((it) => it.reason);
    if (reasons.length === 0) continue;
    const reason = reasons.join(", ");
    byReason.set(reason, [...(byReason.get(reason) ?? []), nameOf(pod)]);
  }
  const warnings: string[] = [];
  if (checked.length < pods.length) {
    warnings.push(
      `new PodSecurity enforce level only checked against the first ${checked.length} of ${pods.length} existing pods`,
    );
  }
  if (byReason.size > 0) {
    warnings.push(
      `existing pods in namespace "${namespace}" violate the new PodSecurity enforce level "${levelText(at)}"`,
    );
  }
  const lines = [...byReason].map(([reason, names]) => `${someOf(names)}: ${reason}`);
  return [...warnings, ...lines.sort()];
}

/** `a (and 2 other pods)`, the first by name. */
function someOf(names: readonly string[]): string {
  const first = [...names].sort()[0] ?? "";
  if (names.length === 1) return first;
  const others = names.length - 1;
  return `${first} (and ${others} other ${others === 1 ? "pod" : "pods"})`;
}

/** Replicas of one controller are alike: one of each comes before the rest. */
function distinctFirst(pods: readonly JsonObject[]): JsonObject[] {
  const seen = new Set<string>();
  const first: JsonObject[] = [];
  const rest: JsonObject[] = [];
  for (const pod of pods) {
    const uid = controllerUid(pod);
    (uid !== undefined && seen.has(uid) ? rest : first).push(pod);
    if (uid !== undefined) seen.add(uid);
  }
  return [...first, ...rest];
}

function controllerUid(pod: Loose<Pod>): string | undefined {
  return pod.metadata?.ownerReferences?.find((it) => it.controller === true)?.uid;
}

function nameOf(pod: Loose<Pod>): string {
  return pod.metadata?.name ?? "";
}

/**
 * Whether an update changes what is judged: of a pod that exists only images and ephemeral
 * containers can change. Upstream: `isSignificantPodUpdate`.
 */
export function isSignificant(next: Loose<Pod>, previous: Loose<Pod>): boolean {
  const [now, before] = [next.spec ?? {}, previous.spec ?? {}];
  for (const list of ["containers", "initContainers"] as const) {
    const [own, old] = [now[list] ?? [], before[list] ?? []];
    if (own.length !== old.length) return true;
    if (own.some((it, i) => it.image !== old[i]?.image)) return true;
  }
  const images = new Map((before.ephemeralContainers ?? []).map((it) => [it.name, imageOf(it)]));
  return (now.ephemeralContainers ?? []).some((it) => images.get(it.name) !== imageOf(it));
}

function imageOf(container: AnyContainer): string {
  return container.image ?? "";
}
