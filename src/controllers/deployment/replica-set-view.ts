import type { Deployment, ReplicaSet } from "#api/gen/types.ts";
import { nameOf } from "#client/object-key.ts";
import type { Bounds } from "./bounds.ts";
import { canonicalTemplate } from "./template-hash.ts";

export const revisionAnnotation = "deployment.kubernetes.io/revision";
export const revisionHistoryAnnotation = "deployment.kubernetes.io/revision-history";
export const desiredAnnotation = "deployment.kubernetes.io/desired-replicas";
export const maxAnnotation = "deployment.kubernetes.io/max-replicas";

/** The ReplicaSets of a Deployment, by age. */
export interface ReplicaSets {
  /** The one that has the Deployment's template; the oldest, where there are several. */
  readonly current: ReplicaSet | undefined;
  /** All others, oldest first. */
  readonly old: readonly ReplicaSet[];
  /** All, oldest first. */
  readonly all: readonly ReplicaSet[];
}

export function sortReplicaSets(
  deployment: Deployment,
  replicaSets: readonly ReplicaSet[],
): ReplicaSets {
  const all = [...replicaSets].sort(compareAge);
  const template = deployment.spec?.template;
  const wanted = template === undefined ? undefined : canonicalTemplate(template);
  const current = all.find((it) => canonicalTemplate(it.spec?.template ?? {}) === wanted);
  return { current, old: all.filter((it) => it !== current), all };
}

export function replicasOf(replicaSet: ReplicaSet | undefined): number {
  if (replicaSet === undefined) return 0;
  return replicaSet.spec?.replicas ?? 1;
}

export function availableOf(replicaSet: ReplicaSet | undefined): number {
  return replicaSet?.status?.availableReplicas ?? 0;
}

export function totalReplicas(replicaSets: readonly ReplicaSet[]): number {
  return replicaSets.reduce((sum, it) => sum + replicasOf(it), 0);
}

/** Number of the rollout that made it, which has 64 bits; 0 when unknown. */
export function revisionOf(replicaSet: ReplicaSet): bigint {
  const text = replicaSet.metadata?.annotations?.[revisionAnnotation] ?? "";
  return /^\d{1,19}$/.test(text) ? BigInt(text) : 0n;
}

/** The older rollout first. */
export function compareRevision(one: ReplicaSet, other: ReplicaSet): number {
  const [left, right] = [revisionOf(one), revisionOf(other)];
  if (left !== right) return left < right ? -1 : 1;
  return nameOf(one) < nameOf(other) ? -1 : 1;
}

export function integerAnnotation(replicaSet: ReplicaSet, name: string): number | undefined {
  const value = Number(replicaSet.metadata?.annotations?.[name] ?? Number.NaN);
  return Number.isInteger(value) ? value : undefined;
}

/** What a ReplicaSet carries to tell a later reconcile how large the Deployment was. */
export function sizeAnnotations({ desired, maxSurge }: Bounds): Readonly<Record<string, string>> {
  return { [desiredAnnotation]: String(desired), [maxAnnotation]: String(desired + maxSurge) };
}

/** Every available replica is of the current ReplicaSet, and there are as many as wanted. */
export function isSaturated(bounds: Bounds, current: ReplicaSet | undefined): boolean {
  return (
    current !== undefined &&
    replicasOf(current) === bounds.desired &&
    integerAnnotation(current, desiredAnnotation) === bounds.desired &&
    availableOf(current) === bounds.desired
  );
}

function compareAge(a: ReplicaSet, b: ReplicaSet): number {
  const [left, right] = [a.metadata?.creationTimestamp ?? "", b.metadata?.creationTimestamp ?? ""];
  if (left !== right) return left < right ? -1 : 1;
  return nameOf(a) < nameOf(b) ? -1 : 1;
}
