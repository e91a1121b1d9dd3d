import type { CronJob, Job, ObjectReference } from "#api/gen/types.ts";
import { parseTime } from "#api/time.ts";
import { nameOf, uidOf } from "#client/object-key.ts";
import { isFinished } from "#controllers/job/status.ts";
import type { Schedule } from "./schedule.ts";

/** What is to be done for a CronJob now. */
export interface CronJobPlan {
  /** The time for which a Job is to be made; undefined for none. */
  readonly due: number | undefined;
  /** Running Jobs that the new one replaces. */
  readonly replace: readonly Job[];
  /** Finished Jobs beyond what is kept. */
  readonly forget: readonly Job[];
  /** Jobs that the status must not name any more: finished, or gone. */
  readonly finished: readonly Job[];
  readonly missing: readonly ObjectReference[];
  /** Latest end of a Job that succeeded. */
  readonly lastSuccess: number | undefined;
  readonly notes: readonly Note[];
  /** When to look again; undefined for when something changes. */
  readonly nextAt: number | undefined;
}

export interface Note {
  readonly type: "Normal" | "Warning";
  readonly reason: string;
  readonly message: string;
}

/** Missed times beyond which only a warning is given. Upstream: `mostRecentScheduleTime`. */
const missedMax = 100;

/** Upstream: `syncCronJob` of `pkg/controller/cronjob/cronjob_controllerv2.go`. */
export function planCronJob(
  cronJob: CronJob,
  jobs: readonly Job[],
  schedule: Schedule | undefined,
  now: number,
): CronJobPlan {
  const notes: Note[] = [];
  const finished = jobs.filter(isFinished);
  const running = jobs.filter((it) => !isFinished(it));
  const known = new Set(jobs.map(uidOf));
  const active = cronJob.status?.active ?? [];
  const base = {
    replace: [],
    forget: beyondHistory(cronJob, finished),
    finished: finished.filter((job) => active.some((it) => it.uid === uidOf(job))),
    missing: active.filter((it) => !known.has(it.uid ?? "")),
    lastSuccess: lastSuccess(cronJob, finished),
    notes,
  };
  const nothing = { ...base, due: undefined };
  if (schedule === undefined || cronJob.spec.suspend === true) {
    return { ...nothing, nextAt: undefined };
  }
  const nextAt = schedule.next(now);
  const { due, isTooMany } = latestMissed(cronJob, schedule, now);
  if (isTooMany) notes.push(tooManyMissed);
  if (due === undefined) return { ...nothing, nextAt };
  const reason = reasonAgainst(cronJob, { due, isRunning: running.length > 0 }, now);
  if (reason !== undefined) {
    notes.push(reason);
    return { ...nothing, nextAt };
  }
  const replace = cronJob.spec.concurrencyPolicy === "Replace" ? running : [];
  return { ...base, replace, due, nextAt };
}

/** Why no Job is made for a time that has come; undefined when one is. */
function reasonAgainst(
  { spec }: CronJob,
  { due, isRunning }: { readonly due: number; readonly isRunning: boolean },
  now: number,
): Note | undefined {
  const deadline = spec.startingDeadlineSeconds;
  if (deadline !== undefined && due + deadline * 1_000 < now) {
    const message = `Missed scheduled time to start a job: ${new Date(due).toUTCString()}`;
    return { type: "Warning", reason: "MissSchedule", message };
  }
  if (spec.concurrencyPolicy !== "Forbid" || !isRunning) return undefined;
  const message =
    "Not starting job because prior execution is running and concurrency policy is Forbid";
  return { type: "Normal", reason: "JobAlreadyActive", message };
}

const tooManyMissed: Note = {
  type: "Warning",
  reason: "TooManyMissedTimes",
  message:
    "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew",
};

/** The latest time that has passed since the last Job. */
function latestMissed(
  { metadata, spec, status }: CronJob,
  schedule: Schedule,
  now: number,
): { readonly due: number | undefined; readonly isTooMany: boolean } {
  const created = parseTime(metadata?.creationTimestamp ?? "") ?? now;
  const last = parseTime(status?.lastScheduleTime ?? "") ?? created;
  const deadline = spec.startingDeadlineSeconds;
  const earliest = deadline === undefined ? last : Math.max(last, now - deadline * 1_000);
  let due: number | undefined;
  let count = 0;
  for (let at = schedule.next(earliest); at !== undefined && at <= now; at = schedule.next(at)) {
    due = at;
    count += 1;
    if (count <= missedMax) continue;
    // What lies this far back is passed over at once, however much it is.
    due = latestBefore(schedule, now) ?? due;
    return { due, isTooMany: true };
  }
  return { due, isTooMany: false };
}

/** The last time not after `now`, found from ever farther back. */
function latestBefore(schedule: Schedule, now: number): number | undefined {
  for (let backMs = 60_000; backMs < 2 ** 42; backMs *= 2) {
    let found: number | undefined;
    for (
      let at = schedule.next(now - backMs);
      at !== undefined && at <= now;
      at = schedule.next(at)
    ) {
      found = at;
    }
    if (found !== undefined) return found;
  }
  return undefined;
}

function beyondHistory({ spec }: CronJob, finished: readonly Job[]): readonly Job[] {
  const byStart = finished.toSorted((a, b) =>
    (a.status?.startTime ?? "").localeCompare(b.status?.startTime ?? ""),
  );
  const succeeded = byStart.filter(hasSucceeded);
  const failed = byStart.filter((it) => !hasSucceeded(it));
  const excess = (list: readonly Job[], limit: number | undefined): readonly Job[] =>
    limit === undefined ? [] : list.slice(0, Math.max(0, list.length - limit));
  return [
    ...excess(succeeded, spec.successfulJobsHistoryLimit),
    ...excess(failed, spec.failedJobsHistoryLimit),
  ];
}

export function hasSucceeded({ status }: Job): boolean {
  return (status?.conditions ?? []).some((it) => it.type === "Complete" && it.status === "True");
}

function lastSuccess({ status }: CronJob, finished: readonly Job[]): number | undefined {
  const ends = finished
    .filter(hasSucceeded)
    .map((it) => parseTime(it.status?.completionTime ?? ""));
  const known = parseTime(status?.lastSuccessfulTime ?? "");
  const all = [...ends, known].filter((it) => it !== undefined);
  return all.length === 0 ? undefined : Math.max(...all);
}

/** The Job of a time; its name makes sure that there is but one. Upstream: `getJobFromTemplate2`. */
export function jobNameOf(cronJob: CronJob, due: number): string {
  return `${nameOf(cronJob)}-${Math.floor(due / 60_000)}`;
}
