import { textOf } from "#sql/columns.ts";
import type { Database, Queries } from "#sql/database.ts";

/** What a worker of a named queue takes: where it gets a job, and by what right. */
export interface QueuedJob {
  readonly attempt: string;
  readonly queue: string;
  /** The heavier are taken first. */
  readonly weight: number;
  /** Of the scheduler that has the job. */
  readonly url: string;
  readonly token: string;
  /** PEM; undefined where the system's authorities will do. */
  readonly certificateAuthority: string | undefined;
}

/** Adds a job; one that is there already is replaced. */
export async function enqueueJob(database: Database, job: QueuedJob, now: number): Promise<void> {
  await database.run(
    `insert into worker_queue (attempt, queue, weight, at, message) values (?, ?, ?, ?, ?)
     on conflict (attempt) do update set message = excluded.message`,
    job.attempt,
    job.queue,
    job.weight,
    now,
    JSON.stringify(job),
  );
  await database.notify();
}

/** Takes up to `count` jobs out of the queues, each for one worker alone. */
export async function takeJobs(
  database: Database,
  queues: readonly string[],
  count: number,
): Promise<readonly QueuedJob[]> {
  const places = queues.map(() => "?").join(", ");
  // Workers that look at the same time pass over what another is about to take.
  const lock = database.dialect === "postgres" ? "for update skip locked" : "";
  const rows = await database.rows(
    `delete from worker_queue where attempt in (
       select attempt from worker_queue where queue in (${places})
       order by weight desc, at limit ? ${lock})
     returning message`,
    ...queues,
    count,
  );
  return rows.map((it) => JSON.parse(textOf(it, "message")) as QueuedJob);
}

/** Those of these attempts that wait in a queue. */
export async function waitingJobs(
  queries: Queries,
  attempts: readonly string[],
): Promise<ReadonlySet<string>> {
  if (attempts.length === 0) return new Set();
  const places = attempts.map(() => "?").join(", ");
  const rows = await queries.rows(
    `select attempt from worker_queue where attempt in (${places})`,
    ...attempts,
  );
  return new Set(rows.map((it) => textOf(it, "attempt")));
}

export async function dequeueJob(queries: Queries, attempt: string): Promise<void> {
  await queries.run("delete from worker_queue where attempt = ?", attempt);
}
