import type { Pod } from "#api/gen/types.ts";
import { parseTime } from "#api/time.ts";
import { isDeleting, nameOf } from "#client/object-key.ts";
import { isFinished } from "#controllers/pods/readiness.ts";

/** Finished pods that are kept; upstream's `--terminated-pod-gc-threshold`. */
export const terminatedMax = 12_500;
/** A node is missed for this long before its pods are given up. */
export const missingNodeMs = 40_000;

export type PodDeletion = {
  readonly pod: Pod;
  readonly reason: "terminated" | "orphaned" | "unscheduled";
};

/**
 * Pods that nobody else will remove: finished ones beyond the limit, oldest first; those of nodes
 * that are gone; those that were deleted before they had a node.
 */
export function planPodCollection(
  pods: readonly Pod[],
  missingNodes: ReadonlySet<string>,
): PodDeletion[] {
  const terminated = pods.filter((it) => isFinished(it) && !isDeleting(it)).sort(compareAge);
  const excess = terminated.slice(0, Math.max(0, terminated.length - terminatedMax));
  const orphaned = pods.filter((it) => missingNodes.has(it.spec?.nodeName ?? ""));
  const unscheduled = pods.filter((it) => isDeleting(it) && (it.spec?.nodeName ?? "") === "");
  const all: PodDeletion[] = [
    ...excess.map((pod) => ({ pod, reason: "terminated" }) as const),
    ...orphaned.map((pod) => ({ pod, reason: "orphaned" }) as const),
    ...unscheduled.map((pod) => ({ pod, reason: "unscheduled" }) as const),
  ];
  return [...new Map(all.map((it) => [it.pod, it])).values()];
}

function compareAge(a: Pod, b: Pod): number {
  const [left, right] = [a, b].map((it) => parseTime(it.metadata?.creationTimestamp ?? "") ?? 0);
  return (left ?? 0) - (right ?? 0) || (nameOf(a) < nameOf(b) ? -1 : 1);
}
