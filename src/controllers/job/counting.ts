import type { Job, Pod } from "#api/gen/types.ts";
import { isDeleting, uidOf } from "#client/object-key.ts";
import { failureAction } from "./failure-policy.ts";
import { formatIndexes, parseIndexes } from "./indexes.ts";
import {
  hasFailed,
  hasSucceeded,
  indexFailuresKey,
  indexOf,
  isIndexed,
  isTracked,
} from "./job-pods.ts";

/** Ends of pods, counted so that none is counted twice nor lost, however often it is interrupted. */
export interface Counts {
  /** Those whose pods are counted for good. */
  readonly succeeded: number;
  readonly failed: number;
  /** Uids that are to be counted once their pods have no finalizer. */
  readonly uncounted: { readonly succeeded: readonly string[]; readonly failed: readonly string[] };
  readonly completedIndexes: ReadonlySet<number>;
  readonly failedIndexes: ReadonlySet<number>;
  /** Pods whose finalizer may go once the counts are stored. */
  readonly release: readonly Pod[];
}

/** Uids that wait in the status at a time. Upstream: `MaxUncountedPods`. */
const uncountedMax = 500;

/**
 * The next counts. A pod that has ended is first noted in the status, then let go of, and then
 * counted: each step can be seen from the objects alone. Upstream: `trackJobStatusAndRemoveFinalizers`.
 * @param isOver the Job ends: pods that are on their way out count as failed.
 */
export function countPods(job: Job, pods: readonly Pod[], isOver: boolean): Counts {
  const noted = noteEnds(job, pods, isOver);
  const { status = {} } = job;
  const tracked = new Set(pods.filter(isTracked).map(uidOf));
  const before = status.uncountedTerminatedPods ?? {};
  // In the status already, and without a finalizer by now: counted.
  const done = (list: readonly string[] | undefined): number =>
    (list ?? []).filter((it) => !tracked.has(it)).length;
  const indexed = isIndexed(job);
  return {
    ...noted,
    succeeded: indexed
      ? noted.completedIndexes.size
      : (status.succeeded ?? 0) + done(before.succeeded),
    failed: (status.failed ?? 0) + done(before.failed),
  };
}

type Noted = Omit<Counts, "succeeded" | "failed">;

function noteEnds(job: Job, pods: readonly Pod[], isOver: boolean): Noted {
  const { spec, status = {} } = job;
  const completions = spec?.completions ?? Number.MAX_SAFE_INTEGER;
  const before = status.uncountedTerminatedPods ?? {};
  const tracked = new Set(pods.filter(isTracked).map(uidOf));
  const notes: Notes = {
    completions,
    completed: parseIndexes(status.completedIndexes, completions),
    failedIndexes: parseIndexes(status.failedIndexes, completions),
    succeeded: (before.succeeded ?? []).filter((it) => tracked.has(it)),
    failed: (before.failed ?? []).filter((it) => tracked.has(it)),
  };
  const known = new Set([...notes.succeeded, ...notes.failed]);
  const release: Pod[] = [];
  for (const pod of pods.filter(isTracked)) {
    const end = known.has(uidOf(pod)) ? "noted" : endOf(job, pod, isOver);
    const isFull = notes.succeeded.length + notes.failed.length >= uncountedMax;
    if (end === undefined || (end !== "noted" && isFull)) continue;
    release.push(pod);
    if (end === "succeeded") noteSuccess(notes, job, pod);
    if (end === "failed") noteFailure(notes, job, pod);
  }
  const { succeeded, failed, completed, failedIndexes } = notes;
  return { uncounted: { succeeded, failed }, completedIndexes: completed, failedIndexes, release };
}

interface Notes {
  readonly completions: number;
  readonly completed: Set<number>;
  readonly failedIndexes: Set<number>;
  readonly succeeded: string[];
  readonly failed: string[];
}

/** A second success of an index, or one beyond the last, is not counted. */
function noteSuccess(notes: Notes, job: Job, pod: Pod): void {
  const index = indexOf(pod);
  if (!isIndexed(job)) notes.succeeded.push(uidOf(pod));
  else if (index !== undefined && index < notes.completions) notes.completed.add(index);
}

function noteFailure(notes: Notes, job: Job, pod: Pod): void {
  notes.failed.push(uidOf(pod));
  const index = indexOf(pod);
  if (index === undefined || index >= notes.completions || !failsIndex(job, pod)) return;
  if (!notes.completed.has(index)) notes.failedIndexes.add(index);
}

/** Undefined while the pod has not ended; `ignored` when the Job's policy does not count it. */
function endOf(
  job: Job,
  pod: Pod,
  isOver: boolean,
): "succeeded" | "failed" | "ignored" | undefined {
  if (hasSucceeded(pod)) return "succeeded";
  if (!hasFailed(pod, job)) return isOver && isDeleting(pod) ? "failed" : undefined;
  return failureAction(job, pod).kind === "ignore" ? "ignored" : "failed";
}

/** Whether the failure was the index's last. */
function failsIndex(job: Job, pod: Pod): boolean {
  const limit = job.spec?.backoffLimitPerIndex;
  if (limit === undefined) return false;
  if (failureAction(job, pod).kind === "failIndex") return true;
  return Number(pod.metadata?.annotations?.[indexFailuresKey] ?? 0) >= limit;
}

/** As the status has them; undefined for a Job without indexes. */
export function indexesText(job: Job, indexes: ReadonlySet<number>): string | undefined {
  if (!isIndexed(job) || indexes.size === 0) return undefined;
  return formatIndexes(indexes);
}
