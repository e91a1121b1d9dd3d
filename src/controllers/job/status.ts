import type { Job, JobCondition, JobStatus } from "#api/gen/types.ts";
import { formatTime } from "#api/time.ts";
import { indexesText } from "./counting.ts";
import { isIndexed } from "./job-pods.ts";
import type { JobPlan } from "./plan.ts";

/** The status that is to be stored. */
export function jobStatus(job: Job, plan: JobPlan, now: number): JobStatus {
  const { counts } = plan;
  const time = formatTime(now);
  const conditions = conditionsOf(job, plan, time);
  const isComplete = plan.isFinal && plan.verdict?.kind === "success";
  const { succeeded, failed } = counts.uncounted;
  return {
    active: plan.active,
    ready: plan.ready,
    terminating: plan.terminating,
    succeeded: counts.succeeded,
    failed: counts.failed,
    uncountedTerminatedPods: {
      ...(succeeded.length === 0 ? {} : { succeeded }),
      ...(failed.length === 0 ? {} : { failed }),
    },
    ...textOf("completedIndexes", indexesText(job, counts.completedIndexes)),
    ...textOf("failedIndexes", failedIndexesText(job, plan)),
    ...textOf("startTime", startTimeOf(job, plan, time)),
    ...(isComplete ? { completionTime: time } : {}),
    ...(conditions.length === 0 ? {} : { conditions }),
  };
}

/** A Job that goes on after a pause starts anew; one that never started has to, to end. */
function startTimeOf({ spec, status }: Job, plan: JobPlan, time: string): string | undefined {
  const isSuspended = spec?.suspend === true;
  const isResumed = wasSuspended(status) && !isSuspended;
  if (status?.startTime !== undefined && !isResumed) return status.startTime;
  return isSuspended && !plan.isFinal ? undefined : time;
}

function textOf(name: string, text: string | undefined): Record<string, string> {
  return text === undefined ? {} : { [name]: text };
}

/** The list is there, if empty, for every Job that counts failures by index. */
function failedIndexesText(job: Job, { counts }: JobPlan): string | undefined {
  if (!isIndexed(job) || job.spec?.backoffLimitPerIndex === undefined) return undefined;
  return indexesText(job, counts.failedIndexes) ?? "";
}

export function wasSuspended(status: JobStatus | undefined): boolean {
  return status?.conditions?.some((it) => it.type === "Suspended" && it.status === "True") === true;
}

/** Whether the Job has ended, well or not. */
export function isFinished({ status }: Job): boolean {
  const ends = ["Complete", "Failed"];
  return status?.conditions?.some((it) => ends.includes(it.type) && it.status === "True") === true;
}

function conditionsOf(job: Job, { verdict, isFinal }: JobPlan, time: string): JobCondition[] {
  const conditions = [...(job.status?.conditions ?? [])];
  const set = (type: string, status: string, reason: string, message: string): void => {
    const at = conditions.findIndex((it) => it.type === type);
    if (at >= 0 && conditions[at]?.status === status) return;
    const made = { type, status, reason, message, lastProbeTime: time, lastTransitionTime: time };
    if (at >= 0) conditions[at] = made;
    else conditions.push(made);
  };
  if (verdict !== undefined) {
    const { kind, reason, message } = verdict;
    set(kind === "success" ? "SuccessCriteriaMet" : "FailureTarget", "True", reason, message);
    if (isFinal) set(kind === "success" ? "Complete" : "Failed", "True", reason, message);
  } else if (job.spec?.suspend === true) {
    set("Suspended", "True", "JobSuspended", "Job suspended");
  } else if (wasSuspended(job.status)) {
    set("Suspended", "False", "JobResumed", "Job resumed");
  }
  return conditions;
}
