import { schedulerSilenceMs } from "#workflows/scheduler/silence.ts";
import { listSchedulers, type SchedulerJob } from "#workflows/state/jobs.ts";
import type { VerbSession } from "./session.ts";

export interface JobFilter {
  readonly jobType?: string;
  readonly hostname?: string;
}

/** What Airflow calls a process that schedules. */
export const schedulerType = "SchedulerJob";

/** The schedulers that have been heard of of late. */
export async function livingSchedulers(
  session: VerbSession,
  filter: JobFilter,
): Promise<readonly SchedulerJob[]> {
  if (filter.jobType !== undefined && filter.jobType !== schedulerType) return [];
  const now = session.clock.now();
  return (await listSchedulers(session.database))
    .filter((it) => now - it.seenAt < schedulerSilenceMs)
    .filter((it) => filter.hostname === undefined || filter.hostname === it.host);
}
