import type { Job, Pod } from "#api/gen/types.ts";
import { isDeleting } from "#client/object-key.ts";
import { isActive, isReady } from "#controllers/pods/readiness.ts";
import { backoffMs, remainingMs } from "./backoff.ts";
import { countPods, type Counts } from "./counting.ts";
import { failureAction } from "./failure-policy.ts";
import {
  endTime,
  hasFailed,
  indexFailuresKey,
  indexOf,
  isIndexed,
  isTracked,
  waitsForFailure,
} from "./job-pods.ts";
import { deadlineAt, judge, type Verdict } from "./verdict.ts";

/** A pod to be made. */
export interface NewPod {
  /** Undefined for a Job without indexes. */
  readonly index: number | undefined;
  /** How often the index has failed; undefined when failures are not counted by index. */
  readonly failures: number | undefined;
}

export interface JobPlan {
  readonly counts: Counts;
  /** Why the Job ends; undefined while it goes on. */
  readonly verdict: Verdict | undefined;
  /** All pods have ended and are counted: the verdict is final. */
  readonly isFinal: boolean;
  readonly remove: readonly Pod[];
  readonly create: readonly NewPod[];
  readonly active: number;
  readonly ready: number;
  readonly terminating: number;
  /** When to look again though nothing changed; undefined for never. */
  readonly afterMs: number | undefined;
}

/** Pods that are made at one look. Upstream: `MaxPodCreateDeletePerSync`. */
const createMax = 500;

/** What is to be done for a Job that has not finished. @param pods all that it controls. */
export function planJob(job: Job, pods: readonly Pod[], now: number): JobPlan {
  const before = countPods(job, pods, false);
  const verdict = judge(job, pods, before, now);
  const counts = verdict === undefined ? before : countPods(job, pods, true);
  const living = pods.filter(isActive);
  const going = pods.filter((it) => isDeleting(it) && !isEnded(it));
  const { uncounted } = counts;
  const isCounted = uncounted.succeeded.length + uncounted.failed.length === 0;
  const work = workOf(job, pods, { living, going, counts, verdict, now });
  const remove = new Set(work.remove);
  const active = living.filter((it) => !remove.has(it));
  const waits = [work.waitMs, untilDeadline(job, verdict, now)].filter((it) => it !== undefined);
  return {
    counts,
    verdict,
    isFinal:
      verdict !== undefined &&
      isCounted &&
      living.length === 0 &&
      going.length === 0 &&
      !pods.some((it) => isTracked(it)),
    remove: work.remove,
    create: work.create,
    active: active.length + work.create.length,
    ready: active.filter(isReady).length,
    terminating: going.length + remove.size,
    afterMs: waits.length === 0 ? undefined : Math.min(...waits),
  };
}

function isEnded(pod: Pod): boolean {
  return pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed";
}

function untilDeadline(job: Job, verdict: Verdict | undefined, now: number): number | undefined {
  const deadline = deadlineAt(job);
  return deadline === undefined || verdict !== undefined ? undefined : Math.max(0, deadline - now);
}

interface Work {
  readonly remove: readonly Pod[];
  readonly create: readonly NewPod[];
  readonly waitMs?: number | undefined;
}

interface Situation {
  readonly living: readonly Pod[];
  readonly going: readonly Pod[];
  readonly counts: Counts;
  readonly verdict: Verdict | undefined;
  readonly now: number;
}

function workOf(job: Job, pods: readonly Pod[], at: Situation): Work {
  const { living, verdict } = at;
  if (verdict !== undefined || job.spec?.suspend === true) return { remove: living, create: [] };
  return isIndexed(job) ? indexedWork(job, pods, at) : plainWork(job, pods, at);
}

/** How many pods are to be at work, as far as that does not depend on indexes. */
function wantedActive({ spec }: Job, { living, counts }: Situation): number {
  const parallelism = spec?.parallelism ?? 1;
  const succeeded = counts.succeeded + counts.uncounted.succeeded.length;
  if (spec?.completions !== undefined) return Math.min(parallelism, spec.completions - succeeded);
  // Once one of a work queue has succeeded, no new ones start.
  return succeeded > 0 ? Math.min(living.length, parallelism) : parallelism;
}

function plainWork(job: Job, pods: readonly Pod[], at: Situation): Work {
  const wanted = Math.max(0, wantedActive(job, at));
  const { living, going, now } = at;
  const excess = living.length - wanted;
  if (excess > 0) return { remove: byWorth(living).slice(0, excess), create: [] };
  const occupied = living.length + (waitsForFailure(job) ? going.length : 0);
  const missing = Math.min(createMax, Math.max(0, wanted - occupied));
  if (missing === 0) return { remove: [], create: [] };
  const waitMs = backoffMs(job, pods, now);
  if (waitMs > 0) return { remove: [], create: [], waitMs };
  const create = Array.from({ length: missing }, () => ({ index: undefined, failures: undefined }));
  return { remove: [], create };
}

/** Those with the least work behind them first. */
function byWorth(pods: readonly Pod[]): readonly Pod[] {
  const worth = (pod: Pod): number =>
    (pod.spec?.nodeName === undefined ? 0 : 2) + (pod.status?.phase === "Running" ? 1 : 0);
  return pods.toSorted(
    (a, b) =>
      worth(a) - worth(b) ||
      (b.metadata?.creationTimestamp ?? "").localeCompare(a.metadata?.creationTimestamp ?? ""),
  );
}

function indexedWork(job: Job, pods: readonly Pod[], at: Situation): Work {
  const { living, going, counts } = at;
  const completions = job.spec?.completions ?? 0;
  const { kept, remove } = oneForEachIndex(living, counts, completions);
  const wanted = Math.max(0, Math.min(job.spec?.parallelism ?? 1, completions));
  if (kept.size > wanted) {
    // The highest indexes go, as they came last.
    const excess = [...kept].sort(([a], [b]) => b - a).slice(0, kept.size - wanted);
    return { remove: [...remove, ...excess.map(([, pod]) => pod)], create: [] };
  }
  const waiting = waitsForFailure(job) ? going : [];
  const taken = new Set([...kept.keys(), ...waiting.flatMap((it) => indexOf(it) ?? [])]);
  const isFree = (index: number): boolean =>
    !taken.has(index) && !counts.completedIndexes.has(index) && !counts.failedIndexes.has(index);
  const room = Math.min(createMax, wanted - taken.size);
  return { remove, ...newPods(job, pods, { isFree, room, now: at.now }) };
}

/** Pods for the lowest free indexes that have waited long enough since they failed. */
function newPods(
  job: Job,
  pods: readonly Pod[],
  at: { readonly isFree: (index: number) => boolean; readonly room: number; readonly now: number },
): Omit<Work, "remove"> {
  const { completions = 0, backoffLimitPerIndex } = job.spec ?? {};
  const perIndex = backoffLimitPerIndex !== undefined;
  const jobWaitMs = perIndex ? 0 : backoffMs(job, pods, at.now);
  const create: NewPod[] = [];
  const waits: number[] = [];
  for (let index = 0; index < completions && create.length < at.room; index += 1) {
    if (!at.isFree(index)) continue;
    const past = perIndex ? pastOf(job, pods, index) : undefined;
    const waitMs = past === undefined ? jobWaitMs : remainingMs(past.failures, past.last, at.now);
    if (waitMs > 0) waits.push(waitMs);
    else create.push({ index, failures: perIndex ? (past?.counted ?? 0) : undefined });
  }
  return { create, waitMs: waits.length === 0 ? undefined : Math.min(...waits) };
}

/** The pod of each index; those of no use, or of an index that another has, are to go. */
function oneForEachIndex(
  living: readonly Pod[],
  counts: Counts,
  completions: number,
): { readonly kept: Map<number, Pod>; readonly remove: Pod[] } {
  const kept = new Map<number, Pod>();
  const remove: Pod[] = [];
  for (const pod of byWorth(living).toReversed()) {
    const index = indexOf(pod);
    const isOfUse =
      index !== undefined &&
      index < completions &&
      !counts.completedIndexes.has(index) &&
      !counts.failedIndexes.has(index) &&
      !kept.has(index);
    if (isOfUse) kept.set(index, pod);
    else remove.push(pod);
  }
  return { kept, remove };
}

/** The failures of an index, by its last failed pod; undefined when it has none. */
function pastOf(
  job: Job,
  pods: readonly Pod[],
  index: number,
): { readonly failures: number; readonly counted: number; readonly last: number } | undefined {
  const failed = pods
    .filter((it) => indexOf(it) === index && hasFailed(it, job))
    .toSorted((a, b) => (endTime(a) ?? 0) - (endTime(b) ?? 0));
  const latest = failed.at(-1);
  if (latest === undefined) return undefined;
  const before = Number(latest.metadata?.annotations?.[indexFailuresKey] ?? 0);
  const isIgnored = failureAction(job, latest).kind === "ignore";
  const counted = before + (isIgnored ? 0 : 1);
  return { failures: Math.max(1, counted), counted, last: endTime(latest) ?? 0 };
}
