import type { Job, Pod } from "#api/gen/types.ts";
import { parseTime } from "#api/time.ts";
import type { Counts } from "./counting.ts";
import { failureAction } from "./failure-policy.ts";
import { parseIndexes } from "./indexes.ts";
import { hasFailed, isIndexed, isTracked, restartsOf } from "./job-pods.ts";

/** How a Job ends. */
export interface Verdict {
  readonly kind: "success" | "failure";
  readonly reason: string;
  readonly message: string;
}

/**
 * Whether the Job is to end, and why; undefined while it goes on. Failures come first, as a Job that
 * has failed stays so. Upstream: `syncJob` of `pkg/controller/job/job_controller.go`.
 */
export function judge(
  job: Job,
  pods: readonly Pod[],
  counts: Counts,
  now: number,
): Verdict | undefined {
  return standing(job) ?? failure(job, pods, counts, now) ?? success(job, pods, counts);
}

/** What an earlier look has decided already. */
function standing({ status }: Job): Verdict | undefined {
  for (const { type, status: value, reason = "", message = "" } of status?.conditions ?? []) {
    if (value !== "True") continue;
    if (type === "FailureTarget") return { kind: "failure", reason, message };
    if (type === "SuccessCriteriaMet") return { kind: "success", reason, message };
  }
  return undefined;
}

function failure(job: Job, pods: readonly Pod[], counts: Counts, now: number): Verdict | undefined {
  for (const pod of pods) {
    if (!isTracked(pod) || !hasFailed(pod, job)) continue;
    const action = failureAction(job, pod);
    if (action.kind === "failJob") return failed("PodFailurePolicy", action.message);
  }
  const limit = job.spec?.backoffLimit ?? 6;
  const failures = counts.failed + counts.uncounted.failed.length;
  if (failures > limit || restartsExceed(job, pods, limit)) {
    return failed("BackoffLimitExceeded", "Job has reached the specified backoff limit");
  }
  const deadline = deadlineAt(job);
  if (deadline !== undefined && now >= deadline) {
    return failed("DeadlineExceeded", "Job was active longer than specified deadline");
  }
  return indexFailure(job, counts);
}

function indexFailure(job: Job, { failedIndexes, completedIndexes }: Counts): Verdict | undefined {
  const { backoffLimitPerIndex, maxFailedIndexes, completions = 0 } = job.spec ?? {};
  if (!isIndexed(job) || backoffLimitPerIndex === undefined) return undefined;
  if (maxFailedIndexes !== undefined && failedIndexes.size > maxFailedIndexes) {
    const message = "Job has exceeded the specified maximal number of failed indexes";
    return failed("MaxFailedIndexesExceeded", message);
  }
  const isDone = failedIndexes.size + completedIndexes.size >= completions;
  return failedIndexes.size > 0 && isDone
    ? failed("FailedIndexes", "Job has failed indexes")
    : undefined;
}

function failed(reason: string, message: string): Verdict {
  return { kind: "failure", reason, message };
}

/** When the Job's time is over, in milliseconds since the epoch; undefined when it has no end. */
export function deadlineAt({ spec, status }: Job): number | undefined {
  const start = parseTime(status?.startTime ?? "");
  const seconds = spec?.activeDeadlineSeconds;
  if (start === undefined || seconds === undefined || spec?.suspend === true) return undefined;
  return start + seconds * 1_000;
}

/** Containers that are restarted in place use up the limit as failed pods do. */
function restartsExceed({ spec }: Job, pods: readonly Pod[], limit: number): boolean {
  if (spec?.template.spec?.restartPolicy !== "OnFailure") return false;
  const living = pods.filter((it) => ["Running", "Pending"].includes(it.status?.phase ?? ""));
  const restarts = living.reduce((sum, it) => sum + restartsOf(it), 0);
  return limit === 0 ? restarts > 0 : restarts >= limit;
}

function success(job: Job, pods: readonly Pod[], counts: Counts): Verdict | undefined {
  const { spec } = job;
  const reached: Verdict = {
    kind: "success",
    reason: "CompletionsReached",
    message: "Reached expected number of succeeded pods",
  };
  const rule = metRule(job, counts.completedIndexes);
  if (rule !== undefined) {
    const message = `Matched rules at index ${rule}`;
    return { kind: "success", reason: "SuccessPolicy", message };
  }
  const succeeded = counts.succeeded + counts.uncounted.succeeded.length;
  if (spec?.completions !== undefined) {
    return succeeded >= spec.completions ? reached : undefined;
  }
  // A work queue: the first success says that there is no more work, and the others finish theirs.
  const isLiving = pods.some((it) => !["Succeeded", "Failed"].includes(it.status?.phase ?? ""));
  return succeeded > 0 && !isLiving ? reached : undefined;
}

/** Which rule of the success policy is met. */
function metRule({ spec }: Job, completed: ReadonlySet<number>): number | undefined {
  const rules = spec?.successPolicy?.rules ?? [];
  const found = rules.findIndex(({ succeededIndexes, succeededCount }) => {
    const wanted =
      succeededIndexes === undefined
        ? completed
        : parseIndexes(succeededIndexes, spec?.completions ?? 0);
    const met = [...wanted].filter((it) => completed.has(it)).length;
    return met >= (succeededCount ?? wanted.size) && met > 0;
  });
  return found < 0 ? undefined : found;
}
