import { maybeText, numberOf, textOf } from "#sql/columns.ts";
import type { Queries } from "#sql/database.ts";
import type { SchedulerAddress } from "#workflows/broker/broker.ts";

/** A process that schedules, as the others see it. */
export interface SchedulerJob {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  readonly startedAt: number;
  /** When it last said that it lives. */
  readonly seenAt: number;
}

export async function listSchedulers(queries: Queries): Promise<readonly SchedulerJob[]> {
  const rows = await queries.rows("select * from job where kind = 'scheduler' order by started_at");
  return rows.map((row) => ({
    id: textOf(row, "id"),
    host: textOf(row, "host"),
    pid: numberOf(row, "pid"),
    startedAt: numberOf(row, "started_at"),
    seenAt: numberOf(row, "seen_at"),
  }));
}

export async function addScheduler(queries: Queries, job: SchedulerJob): Promise<void> {
  await queries.run(
    "insert into job (id, kind, host, pid, started_at, seen_at) values (?, 'scheduler', ?, ?, ?, ?)",
    job.id,
    job.host,
    job.pid,
    job.startedAt,
    job.seenAt,
  );
}

/** False when others have taken it for dead, and its work over. */
export async function touchScheduler(queries: Queries, id: string, now: number): Promise<boolean> {
  return (await queries.run("update job set seen_at = ? where id = ?", now, id)) > 0;
}

export async function removeScheduler(queries: Queries, id: string): Promise<void> {
  await queries.run("delete from job where id = ?", id);
}

/** Where schedulers await workers; those that have such an address. */
export async function listAddresses(queries: Queries): Promise<readonly SchedulerAddress[]> {
  const rows = await queries.rows(
    `select distinct worker_url, worker_authority from job
     where worker_url is not null order by worker_url`,
  );
  return rows.map((row) => ({
    url: textOf(row, "worker_url"),
    certificateAuthority: maybeText(row, "worker_authority"),
  }));
}

/** Says where the scheduler of this id awaits workers; nothing where it is not known. */
export async function saveAddress(
  queries: Queries,
  id: string,
  { url, certificateAuthority }: SchedulerAddress,
): Promise<void> {
  await queries.run(
    "update job set worker_url = ?, worker_authority = ? where id = ?",
    url,
    certificateAuthority ?? null,
    id,
  );
}
