import type { Job, JobStatus } from "#api/gen/types.ts";
import { checkCounts } from "#api/rules/apps/template.ts";
import type { Faults } from "#api/rules/faults.ts";
import type { Loose } from "#api/rules/rules.ts";

/** Checks of what a job controller writes to `/status`. Upstream: `ValidateJobStatusUpdate`. */
export function validateJobStatus(next: Loose<Job>, previous: Loose<Job>, at: Faults): void {
  const [status, old] = [next.status ?? {}, previous.status ?? {}];
  at.enter("status");
  checkCounts(status, ["active", "succeeded", "failed", "ready", "terminating"], at);
  checkFinish(status, at);
  checkConditions(status, old, at);
  for (const field of ["failed", "succeeded"] as const) {
    const value = status[field] ?? 0;
    if (value < (old[field] ?? 0)) {
      at.invalid(field, value, `cannot decrease the ${field} counter`);
    }
  }
  checkTimes(next, previous, at);
  if ((status.ready ?? 0) > (status.active ?? 0)) {
    at.invalid("ready", status.ready, "cannot set more ready pods than active");
  }
  at.leave();
}

function isTrue(status: Loose<JobStatus>, type: string): boolean {
  return (status.conditions ?? []).some((it) => it.type === type && it.status === "True");
}

function checkFinish(status: Loose<JobStatus>, at: Faults): void {
  const isComplete = isTrue(status, "Complete");
  if (status.completionTime !== undefined && !isComplete) {
    const detail = "cannot set completionTime when there is no Complete=True condition";
    at.invalid("completionTime", status.completionTime, detail);
  }
  if (status.completionTime === undefined && isComplete) {
    at.required("completionTime", "completionTime is required for Complete jobs");
  }
  if (!isComplete && !isTrue(status, "Failed")) return;
  if ((status.active ?? 0) > 0) {
    at.invalid("active", status.active, "active>0 is invalid for finished job");
  }
  if (status.startTime === undefined) {
    at.required("startTime", "startTime is required for finished job");
  }
  if ((status.terminating ?? 0) > 0) {
    at.invalid("terminating", status.terminating, "terminating>0 is invalid for finished job");
  }
}

const exclusive = [
  ["Complete", "Failed", "cannot set Complete=True and Failed=true conditions"],
  ["Complete", "FailureTarget", "cannot set Complete=True and FailureTarget=true conditions"],
  ["SuccessCriteriaMet", "Failed", "cannot set SuccessCriteriaMet=True and Failed=true conditions"],
  [
    "SuccessCriteriaMet",
    "FailureTarget",
    "cannot set SuccessCriteriaMet=True and FailureTarget=true conditions",
  ],
] as const;

const needed = [
  ["Failed", "FailureTarget", "Failed=True condition without the FailureTarget=true condition"],
  [
    "Complete",
    "SuccessCriteriaMet",
    "Complete=True condition without the SuccessCriteriaMet=true condition",
  ],
] as const;

function checkConditions(status: Loose<JobStatus>, old: Loose<JobStatus>, at: Faults): void {
  for (const [a, b, detail] of exclusive) {
    if (isTrue(status, a) && isTrue(status, b)) at.invalid("conditions", status.conditions, detail);
  }
  for (const [type, other, what] of needed) {
    if (isTrue(status, type) && !isTrue(old, type) && !isTrue(status, other)) {
      at.invalid("conditions", status.conditions, `cannot set ${what}`);
    }
  }
  for (const type of ["Failed", "Complete", "FailureTarget", "SuccessCriteriaMet"]) {
    if (!isTrue(old, type) || isTrue(status, type)) continue;
    const what = type === "SuccessCriteriaMet" ? "" : "terminal ";
    const detail = `cannot disable the ${what}${type}=True condition`;
    at.invalid("conditions", status.conditions, detail);
  }
}

function checkTimes(next: Loose<Job>, previous: Loose<Job>, at: Faults): void {
  const [status, old] = [next.status ?? {}, previous.status ?? {}];
  if (old.completionTime !== undefined && status.completionTime !== old.completionTime) {
    if (status.completionTime !== undefined) {
      at.invalid("completionTime", status.completionTime, "field is immutable");
    }
  }
  if (old.startTime === undefined || status.startTime === old.startTime) return;
  if (next.spec?.suspend === true) return;
  const detail = "field is immutable for unsuspended job once set";
  at.invalid("startTime", status.startTime ?? null, detail);
}
