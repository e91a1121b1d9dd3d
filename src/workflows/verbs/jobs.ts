import { listSchedulers } from "#workflows/state/jobs.ts";
import type { Form } from "./dags.ts";
import { livingSchedulers, schedulerType, type JobFilter } from "./living-schedulers.ts";
import { formatRows } from "./output.ts";
import { when, type VerbSession } from "./session.ts";

/** Whether processes are alive. @throws {Error} when none is, or more than one without leave. */
export async function jobsCheck(
  session: VerbSession,
  filter: JobFilter & { readonly limit: number; readonly allowMultiple: boolean },
): Promise<void> {
  const found = (await livingSchedulers(session, filter)).length;
  const count = filter.limit > 0 ? Math.min(filter.limit, found) : found;
  if (count === 0) throw new Error("No alive jobs found: gantry scheduler starts one.");
  if (count > 1 && !filter.allowMultiple) {
    throw new Error(`Found ${count} alive jobs. Expected only one.`);
  }
  session.out(count === 1 ? "Found one alive job.\n" : `Found ${count} alive jobs.\n`);
}

/** The processes that schedule, and when each was last heard of. */
export async function jobsList(session: VerbSession, { output }: Form): Promise<void> {
  const living = new Set((await livingSchedulers(session, {})).map((it) => it.id));
  const rows = (await listSchedulers(session.database)).map((it) => ({
    job_type: schedulerType,
    state: living.has(it.id) ? "running" : "failed",
    hostname: it.host,
    pid: it.pid,
    start_date: when(it.startedAt),
    latest_heartbeat: when(it.seenAt),
  }));
  session.out(formatRows(rows, output));
}
