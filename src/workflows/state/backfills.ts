import type { Json } from "#api/object.ts";
import { maybeNumber, numberOf, textOf } from "#sql/columns.ts";
import { rowsByKeys, type Queries, type Row } from "#sql/database.ts";

/** What is done about dates that have a run: nothing, again if it failed, or again if it ended. */
export type Reprocess = "none" | "failed" | "completed";

/** Runs of past dates, made by somebody's order. */
export interface BackfillRow {
  readonly id: number;
  readonly dagId: string;
  /** Of the first and the last data interval's beginning. */
  readonly from: number;
  readonly to: number;
  /** The newest first. */
  readonly backwards: boolean;
  readonly reprocess: Reprocess;
  readonly conf: Readonly<Record<string, Json>>;
  readonly maxActiveRuns: number;
  readonly paused: boolean;
  readonly createdAt: number;
  readonly cancelledAt: number | undefined;
}

/** One that is not stored yet. */
export type NewBackfill = Omit<BackfillRow, "id" | "paused" | "cancelledAt">;

function backfillRow(row: Row): BackfillRow {
  return {
    id: numberOf(row, "id"),
    dagId: textOf(row, "dag_id"),
    from: numberOf(row, "from_date"),
    to: numberOf(row, "to_date"),
    backwards: numberOf(row, "backwards") === 1,
    reprocess: textOf(row, "reprocess") as Reprocess,
    conf: JSON.parse(textOf(row, "conf")) as Record<string, Json>,
    maxActiveRuns: numberOf(row, "max_active_runs"),
    paused: numberOf(row, "paused") === 1,
    createdAt: numberOf(row, "created_at"),
    cancelledAt: maybeNumber(row, "cancelled_at"),
  };
}

/** @returns its id. */
export async function insertBackfill(queries: Queries, it: NewBackfill): Promise<number> {
  const [row] = await queries.rows(
    `insert into backfill (dag_id, from_date, to_date, backwards, reprocess, conf, max_active_runs,
       paused, created_at) values (?, ?, ?, ?, ?, ?, ?, 0, ?) returning id`,
    it.dagId,
    it.from,
    it.to,
    it.backwards ? 1 : 0,
    it.reprocess,
    JSON.stringify(it.conf),
    it.maxActiveRuns,
    it.createdAt,
  );
  if (row === undefined) throw new Error("the backfill was not stored");
  return numberOf(row, "id");
}

export async function findBackfills(
  queries: Queries,
  ids: readonly number[],
): Promise<ReadonlyMap<number, BackfillRow>> {
  if (ids.length === 0) return new Map();
  const keys = ids.map((it) => [it]);
  const rows = await rowsByKeys(queries, "select * from backfill", ["id"], keys);
  return new Map(rows.map(backfillRow).map((it) => [it.id, it]));
}

export interface BackfillProgress extends BackfillRow {
  readonly runs: number;
  /** Of them, those that have not ended. */
  readonly open: number;
  /** When its last run ended, or it was cancelled; undefined while it goes on. */
  readonly completedAt: number | undefined;
}

/** The newest first; of one DAG when `dagId` is given. */
export async function listBackfills(
  queries: Queries,
  dagId: string | undefined,
  limit: number,
): Promise<readonly BackfillProgress[]> {
  const rows = await queries.rows(
    `select backfill.*, count(run_id) as runs, max(dag_run.ended_at) as last_end,
       sum(case when state in ('queued', 'running') then 1 else 0 end) as open
     from backfill left join dag_run on dag_run.backfill = backfill.id
     ${dagId === undefined ? "" : "where backfill.dag_id = ?"}
     group by backfill.id order by backfill.id desc limit ?`,
    ...(dagId === undefined ? [] : [dagId]),
    limit,
  );
  return rows.map((row) => {
    const backfill = backfillRow(row);
    const open = maybeNumber(row, "open") ?? 0;
    const end = maybeNumber(row, "last_end") ?? backfill.createdAt;
    const completedAt = open > 0 ? undefined : (backfill.cancelledAt ?? end);
    return { ...backfill, runs: numberOf(row, "runs"), open, completedAt };
  });
}
