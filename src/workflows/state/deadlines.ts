import type { DagModel } from "#dag/model/model.ts";
import { deadlineTime } from "#dag/run/deadline.ts";
import { maybeNumber, maybeText, numberOf, textOf } from "#sql/columns.ts";
import { insertRows, type Queries, type Row } from "#sql/database.ts";
import type { NewRun, RunKey } from "./runs.ts";

/** A moment by which a run must have succeeded. */
export interface DeadlineRow extends RunKey {
  readonly id: number;
  /** Of the deadline in the DAG's model. */
  readonly position: number;
  readonly name: string | undefined;
  readonly dueAt: number;
  readonly createdAt: number;
  readonly missedAt: number | undefined;
}

function deadlineRow(row: Row): DeadlineRow {
  return {
    dagId: textOf(row, "dag_id"),
    runId: textOf(row, "run_id"),
    id: numberOf(row, "id"),
    position: numberOf(row, "position"),
    name: maybeText(row, "name"),
    dueAt: numberOf(row, "due_at"),
    createdAt: numberOf(row, "created_at"),
    missedAt: maybeNumber(row, "missed_at"),
  };
}

/** Stores the deadlines of a run that was just made. */
export async function saveDeadlines(
  queries: Queries,
  { deadlines = [] }: DagModel,
  run: NewRun,
): Promise<void> {
  if (deadlines.length === 0) return;
  const { dagId, runId, logicalDate, now } = run;
  const maxRuns = deadlines.map(({ reference }) =>
    "maxRuns" in reference ? reference.maxRuns : 0,
  );
  const runtimes = await runtimesOf(queries, dagId, Math.max(...maxRuns));
  const rows = deadlines.flatMap((it, position) => {
    const dueAt = deadlineTime(it, { logicalDate, queuedAt: now, runtimes });
    return dueAt === undefined ? [] : [[dagId, runId, position, it.name ?? null, dueAt, now]];
  });
  const columns = ["dag_id", "run_id", "position", "name", "due_at", "created_at"];
  await insertRows(queries, "deadline", columns, rows);
}

/** How long the runs of a DAG that have ended took, the newest first. */
async function runtimesOf(
  queries: Queries,
  dagId: string,
  limit: number,
): Promise<readonly number[]> {
  if (limit === 0) return [];
  const rows = await queries.rows(
    `select ended_at - started_at as took from dag_run
     where dag_id = ? and started_at is not null and ended_at is not null
     order by logical_date desc limit ?`,
    dagId,
    limit,
  );
  return rows.map((it) => numberOf(it, "took"));
}

/** Those of runs that have not succeeded in time, the longest due first. */
export async function dueDeadlines(
  queries: Queries,
  now: number,
  limit: number,
): Promise<readonly DeadlineRow[]> {
  const rows = await queries.rows(
    "select * from deadline where missed_at is null and due_at <= ? order by due_at, id limit ?",
    now,
    limit,
  );
  return rows.map(deadlineRow);
}

/** When the next is due. */
export async function nextDeadline(queries: Queries): Promise<number | undefined> {
  const rows = await queries.rows("select min(due_at) as at from deadline where missed_at is null");
  return rows[0] === undefined ? undefined : maybeNumber(rows[0], "at");
}

export async function markMissed(queries: Queries, id: number, now: number): Promise<void> {
  await queries.run("update deadline set missed_at = ? where id = ?", now, id);
}

/** Takes away what a run that succeeded at `at` has met. */
export async function dropMet(queries: Queries, run: RunKey, at: number): Promise<void> {
  await queries.run(
    "delete from deadline where dag_id = ? and run_id = ? and missed_at is null and due_at >= ?",
    run.dagId,
    run.runId,
    at,
  );
}

/** Those of a run, or of all runs of a DAG, by time. */
export async function listDeadlines(
  queries: Queries,
  of: { readonly dagId: string; readonly runId?: string | undefined },
): Promise<readonly DeadlineRow[]> {
  const run = of.runId === undefined ? [] : [of.runId];
  const rows = await queries.rows(
    `select * from deadline where dag_id = ? ${run.length === 0 ? "" : "and run_id = ?"}
     order by due_at, id`,
    of.dagId,
    ...run,
  );
  return rows.map(deadlineRow);
}
