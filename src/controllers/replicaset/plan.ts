import type { Pod, ReplicaSet, ReplicaSetCondition, ReplicaSetStatus } from "#api/gen/types.ts";
import { formatTime } from "#api/time.ts";
import { isDeleting } from "#client/object-key.ts";
import { matchesLabels } from "#controllers/ownership/selection.ts";
import { isActive, isAvailable, isReady, readySince } from "#controllers/pods/readiness.ts";
import { deletionOrder } from "./deletion-order.ts";

/** Pods that one reconcile creates or deletes at most. */
export const burstMax = 500;

export type ReplicaPlan =
  | { readonly kind: "none" }
  | { readonly kind: "create"; readonly count: number }
  | { readonly kind: "delete"; readonly pods: readonly Pod[] };

/**
 * What brings the active pods of a replica set to `desired`. `podsOnNode` counts the active pods
 * of related replica sets by node.
 */
export function planReplicas(
  desired: number,
  pods: readonly Pod[],
  podsOnNode: ReadonlyMap<string, number>,
  now: number,
): ReplicaPlan {
  const active = pods.filter(isActive);
  const missing = desired - active.length;
  if (missing > 0) return { kind: "create", count: Math.min(missing, burstMax) };
  if (missing === 0) return { kind: "none" };
  const count = Math.min(-missing, burstMax);
  return { kind: "delete", pods: deletionOrder(active, podsOnNode, now).slice(0, count) };
}

/** Sizes of the batches in which `count` pods are created: 1, 2, 4, …; the first error ends it. */
export function slowStartBatches(count: number): number[] {
  const batches: number[] = [];
  for (let left = count, size = 1; left > 0; size *= 2) {
    batches.push(Math.min(size, left));
    left -= size;
  }
  return batches;
}

/** Why pods could not be created or deleted. */
export interface ReplicaFailure {
  readonly reason: "FailedCreate" | "FailedDelete";
  readonly message: string;
}

/** The whole status, from the pods that belong to the replica set. */
export function replicaSetStatus(
  replicaSet: ReplicaSet,
  pods: readonly Pod[],
  failure: ReplicaFailure | undefined,
  now: number,
): ReplicaSetStatus {
  const { template, minReadySeconds = 0 } = replicaSet.spec ?? {};
  const labels = template?.metadata?.labels ?? {};
  const active = pods.filter(isActive);
  const conditions = planConditions(replicaSet.status?.conditions ?? [], failure, now);
  return {
    replicas: active.length,
    fullyLabeledReplicas: active.filter((it) => matchesLabels(labels, it.metadata?.labels)).length,
    readyReplicas: active.filter(isReady).length,
    availableReplicas: active.filter((it) => isAvailable(it, minReadySeconds, now)).length,
    terminatingReplicas: pods.filter(isDeleting).length,
    observedGeneration: replicaSet.metadata?.generation ?? 0,
    ...(conditions.length === 0 ? {} : { conditions }),
  };
}

/** Milliseconds until the next ready pod becomes available; undefined when none is waiting. */
export function nextAvailableMs(
  pods: readonly Pod[],
  minReadySeconds: number,
  now: number,
): number | undefined {
  const waits = pods
    .filter(isActive)
    .map(readySince)
    .filter((it) => it !== undefined)
    .map((it) => it + minReadySeconds * 1_000 - now)
    .filter((it) => it > 0);
  return waits.length === 0 ? undefined : Math.min(...waits);
}

function planConditions(
  present: readonly ReplicaSetCondition[],
  failure: ReplicaFailure | undefined,
  now: number,
): ReplicaSetCondition[] {
  const others = present.filter((it) => it.type !== "ReplicaFailure");
  if (failure === undefined) return others;
  const before = present.find((it) => it.type === "ReplicaFailure");
  // As upstream: the first failure stays until there is none.
  if (before?.reason === failure.reason) return [...others, before];
  const lastTransitionTime = formatTime(now);
  return [...others, { type: "ReplicaFailure", status: "True", lastTransitionTime, ...failure }];
}
