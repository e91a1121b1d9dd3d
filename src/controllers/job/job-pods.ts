import type { Job, Pod } from "#api/gen/types.ts";
import { parseTime } from "#api/time.ts";
import { isDeleting } from "#client/object-key.ts";

/** Holds a pod back until its end has been counted. */
export const trackingFinalizer = "batch.kubernetes.io/job-tracking";
export const indexKey = "batch.kubernetes.io/job-completion-index";
export const indexFailuresKey = "batch.kubernetes.io/job-index-failure-count";
export const ignoredIndexFailuresKey = "batch.kubernetes.io/job-index-ignored-failure-count";

export function isIndexed({ spec }: Job): boolean {
  return spec?.completionMode === "Indexed";
}

/** The pod's index; undefined when it has none. */
export function indexOf(pod: Pod): number | undefined {
  const text = pod.metadata?.annotations?.[indexKey];
  return text === undefined || !/^\d+$/.test(text) ? undefined : Number(text);
}

export function isTracked(pod: Pod): boolean {
  return pod.metadata?.finalizers?.includes(trackingFinalizer) === true;
}

export function hasSucceeded(pod: Pod): boolean {
  return pod.status?.phase === "Succeeded";
}

/**
 * Whether the pod counts as failed. Without a replacement policy of `Failed`, one that is on its way
 * out does already. Upstream: `isPodFailed`.
 */
export function hasFailed(pod: Pod, { spec }: Job): boolean {
  const phase = pod.status?.phase;
  if (phase === "Failed") return true;
  if (phase === "Succeeded" || !isDeleting(pod)) return false;
  return !waitsForFailure({ spec });
}

/** A pod is replaced only when it has failed, not while it is going. */
export function waitsForFailure({ spec }: Pick<Job, "spec">): boolean {
  return spec?.podFailurePolicy !== undefined || spec?.podReplacementPolicy === "Failed";
}

/** When the last container ended, or when the pod was asked to go; milliseconds since the epoch. */
export function endTime(pod: Pod): number | undefined {
  const ends = (pod.status?.containerStatuses ?? [])
    .map((it) => parseTime(it.state?.terminated?.finishedAt ?? ""))
    .filter((it) => it !== undefined);
  if (ends.length > 0) return Math.max(...ends);
  const { deletionTimestamp, creationTimestamp } = pod.metadata ?? {};
  const ready = pod.status?.conditions?.find((it) => it.type === "Ready")?.lastTransitionTime;
  return parseTime(deletionTimestamp ?? ready ?? creationTimestamp ?? "");
}

/** How often the containers of a pod were restarted. */
export function restartsOf({ status }: Pod): number {
  const all = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
  return all.reduce((sum, it) => sum + it.restartCount, 0);
}
