import type { Json } from "#api/object.ts";
import type { RunState, RunType } from "#dag/model/states.ts";
import { maybeNumber, maybeText, numberOf, textOf } from "#sql/columns.ts";
import {
  rowsByKeys,
  updateRows,
  type Queries,
  type Row,
  type RowsUpdate,
  type Value,
} from "#sql/database.ts";

/** Names a run. */
export interface RunKey {
  readonly dagId: string;
  readonly runId: string;
}

export interface RunRow extends RunKey {
  readonly version: number;
  readonly state: RunState;
  readonly runType: RunType;
  readonly logicalDate: number;
  readonly intervalStart: number;
  readonly intervalEnd: number;
  readonly runAfter: number;
  readonly queuedAt: number;
  readonly startedAt: number | undefined;
  readonly endedAt: number | undefined;
  readonly conf: Readonly<Record<string, Json>>;
  readonly note: string | undefined;
  /** When a scheduler must look at it; undefined: when something happens to it. */
  readonly planAt: number | undefined;
  /** The backfill that it is part of. */
  readonly backfill: number | undefined;
  /** Of how many of the version's tasks, in their order, instances were made; undefined: of all. */
  readonly madeTasks: number | undefined;
  /** Counts changes of the run and its instances; who changes either raises it. */
  readonly revision: number;
}

/** A row of table `dag_run`. */
export function runRow(row: Row): RunRow {
  return {
    dagId: textOf(row, "dag_id"),
    runId: textOf(row, "run_id"),
    version: numberOf(row, "version"),
    state: textOf(row, "state") as RunState,
    runType: textOf(row, "run_type") as RunType,
    logicalDate: numberOf(row, "logical_date"),
    intervalStart: numberOf(row, "interval_start"),
    intervalEnd: numberOf(row, "interval_end"),
    runAfter: numberOf(row, "run_after"),
    queuedAt: numberOf(row, "queued_at"),
    startedAt: maybeNumber(row, "started_at"),
    endedAt: maybeNumber(row, "ended_at"),
    conf: JSON.parse(textOf(row, "conf")) as Record<string, Json>,
    note: maybeText(row, "note"),
    planAt: maybeNumber(row, "plan_at"),
    backfill: maybeNumber(row, "backfill"),
    madeTasks: maybeNumber(row, "made_tasks"),
    revision: numberOf(row, "revision"),
  };
}

/** What tells whether something has changed about a run. */
export type RunStamp = RunKey & Pick<RunRow, "revision" | "planAt">;

/** The columns that name a run. */
export const runColumns = ["dag_id", "run_id"] as const;

export async function findRunStamps(
  queries: Queries,
  keys: readonly RunKey[],
): Promise<readonly RunStamp[]> {
  const rows = await rowsByKeys(
    queries,
    "select dag_id, run_id, revision, plan_at from dag_run",
    runColumns,
    keys.map((it) => [it.dagId, it.runId]),
  );
  return rows.map(runStamp);
}

/** Of a row with the columns `dag_id`, `run_id`, `revision` and `plan_at`. */
export function runStamp(row: Row): RunStamp {
  return {
    dagId: textOf(row, "dag_id"),
    runId: textOf(row, "run_id"),
    revision: numberOf(row, "revision"),
    planAt: maybeNumber(row, "plan_at"),
  };
}

export interface NewRun extends RunKey {
  readonly version: number;
  readonly runType: RunType;
  readonly logicalDate: number;
  readonly interval: { readonly start: number; readonly end: number };
  readonly runAfter: number;
  readonly conf: Readonly<Record<string, Json>>;
  readonly now: number;
  readonly backfill?: number;
}

/** Adds a run that waits to be started. False when the DAG has one of that id. */
export async function insertRun(queries: Queries, run: NewRun): Promise<boolean> {
  const added = await queries.run(
    `insert into dag_run (dag_id, run_id, version, state, run_type, logical_date, interval_start,
       interval_end, run_after, queued_at, conf, plan_at, backfill, revision)
     values (?, ?, ?, 'queued', ?, ?, ?, ?, ?, ?, ?, ?, ?, 0) on conflict do nothing`,
    run.dagId,
    run.runId,
    run.version,
    run.runType,
    run.logicalDate,
    run.interval.start,
    run.interval.end,
    run.runAfter,
    run.now,
    JSON.stringify(run.conf),
    run.runAfter,
    run.backfill ?? null,
  );
  return added > 0;
}

/** What is known of a run beside its work: undefined leaves it as it is. */
export interface RunAbout {
  readonly note?: string | null | undefined;
  /** Airflow's `triggered_by`: `cli`, `rest_api`, `operator`… */
  readonly triggeredBy?: string | undefined;
  readonly triggeringUser?: string | undefined;
}

/** False when there is no such run. */
export async function describeRun(
  queries: Queries,
  key: RunKey,
  about: RunAbout,
): Promise<boolean> {
  const changes = [
    ["note", about.note],
    ["triggered_by", about.triggeredBy],
    ["triggering_user", about.triggeringUser],
  ] as const;
  const given = changes.flatMap(([column, value]) =>
    value === undefined ? [] : [{ column, value }],
  );
  if (given.length === 0) return true;
  const changed = await queries.run(
    `update dag_run set ${given.map((it) => `${it.column} = ?`).join(", ")} where dag_id = ? and run_id = ?`,
    ...given.map((it) => it.value),
    key.dagId,
    key.runId,
  );
  return changed > 0;
}

export async function findRun(queries: Queries, key: RunKey): Promise<RunRow | undefined> {
  const rows = await queries.rows(
    "select * from dag_run where dag_id = ? and run_id = ?",
    key.dagId,
    key.runId,
  );
  return rows.map(runRow)[0];
}

/** Those of the runs that there are. */
export async function findRuns(
  queries: Queries,
  keys: readonly RunKey[],
): Promise<readonly RunRow[]> {
  const names = keys.map((it) => [it.dagId, it.runId]);
  return (await rowsByKeys(queries, "select * from dag_run", runColumns, names)).map(runRow);
}

export interface RunFilter {
  readonly dagId?: string | undefined;
  readonly state?: string | undefined;
  readonly from?: number | undefined;
  readonly to?: number | undefined;
  readonly limit: number;
}

/** The newest first. */
export async function listRuns(queries: Queries, filter: RunFilter): Promise<readonly RunRow[]> {
  const conditions: string[] = ["1 = 1"];
  const values: Value[] = [];
  function where(condition: string, value: Value | undefined): void {
    if (value === undefined) return;
    conditions.push(condition);
    values.push(value);
  }
  where("dag_id = ?", filter.dagId);
  where("state = ?", filter.state);
  where("logical_date >= ?", filter.from);
  where("logical_date <= ?", filter.to);
  const rows = await queries.rows(
    `select * from dag_run where ${conditions.join(" and ")} order by logical_date desc, queued_at desc limit ?`,
    ...values,
    filter.limit,
  );
  return rows.map(runRow);
}

/** Runs in a state whose moment to be looked at has come, the longest due first. */
export async function runsToPlan(
  queries: Queries,
  state: "queued" | "running",
  now: number,
  limit: number,
): Promise<readonly RunRow[]> {
  const rows = await queries.rows(
    "select * from dag_run where state = ? and plan_at <= ? order by plan_at, run_after, run_id limit ?",
    state,
    now,
    limit,
  );
  return rows.map(runRow);
}

/** When the next run must be looked at. */
export async function nextPlan(queries: Queries): Promise<number | undefined> {
  const rows = await queries.rows(
    "select min(plan_at) as at from dag_run where state in ('queued', 'running')",
  );
  return rows[0] === undefined ? undefined : maybeNumber(rows[0], "at");
}

/** What bounds how many runs are active: the DAG's limit, or that of the backfill they are part of. */
export function limitOf({ dagId, backfill }: Pick<RunRow, "dagId" | "backfill">): string {
  return backfill === undefined ? `dag ${dagId}` : `backfill ${backfill}`;
}

/** The numbers of running runs, by {@link limitOf}. */
export async function runningCounts(queries: Queries): Promise<Map<string, number>> {
  const rows = await queries.rows(
    `select dag_id, backfill, count(*) as count from dag_run where state = 'running'
     group by dag_id, backfill`,
  );
  return new Map(
    rows.map((row) => {
      const of = { dagId: textOf(row, "dag_id"), backfill: maybeNumber(row, "backfill") };
      return [limitOf(of), numberOf(row, "count")];
    }),
  );
}

const changes: RowsUpdate = {
  table: "dag_run",
  given: {
    ...{ dag_id: "text", run_id: "text", from_revision: "bigint", state: "text" },
    ...{ started_at: "bigint", ended_at: "bigint", plan_at: "bigint", revision: "bigint" },
    made_tasks: "bigint",
  },
  set: `state = given.state, started_at = given.started_at, ended_at = given.ended_at,
    plan_at = given.plan_at, revision = given.revision, made_tasks = given.made_tasks`,
  where: `dag_run.dag_id = given.dag_id and dag_run.run_id = given.run_id
    and dag_run.revision = given.from_revision`,
};

/**
 * The states, times and next moments of runs, under new revisions. Each is changed only when nobody
 * changed the run since revision `from`. @returns how many were.
 */
export async function updateRuns(
  queries: Queries,
  runs: readonly { readonly next: RunRow; readonly from: number }[],
): Promise<number> {
  const rows = runs.map(({ next, from }) => [
    next.dagId,
    next.runId,
    from,
    next.state,
    next.startedAt ?? null,
    next.endedAt ?? null,
    next.planAt ?? null,
    next.revision,
    next.madeTasks ?? null,
  ]);
  return await updateRows(queries, changes, rows);
}

/** The run before by logical date; undefined when there is none. */
export async function previousRun(queries: Queries, run: RunRow): Promise<RunRow | undefined> {
  const rows = await queries.rows(
    "select * from dag_run where dag_id = ? and logical_date < ? order by logical_date desc limit 1",
    run.dagId,
    run.logicalDate,
  );
  return rows.map(runRow)[0];
}

/** Has the running runs after this one looked at, `but` those of a version. */
export async function wakeLaterRuns(
  queries: Queries,
  run: RunRow,
  { now, but }: { readonly now: number; readonly but: number | undefined },
): Promise<void> {
  await queries.run(
    `update dag_run set plan_at = ?
     where dag_id = ? and state = 'running' and version <> ? and logical_date > ?`,
    now,
    run.dagId,
    but ?? 0,
    run.logicalDate,
  );
}

/** Has the waiting runs of a DAG, which nothing else would, looked at. */
export async function wakeQueuedRuns(queries: Queries, dagId: string): Promise<void> {
  await queries.run(
    "update dag_run set plan_at = run_after where dag_id = ? and state = 'queued' and plan_at is null",
    dagId,
  );
}

/** Has a waiting run looked at no more until it is woken. */
export async function parkRun(queries: Queries, run: RunKey): Promise<void> {
  await queries.run(
    "update dag_run set plan_at = null where dag_id = ? and run_id = ?",
    run.dagId,
    run.runId,
  );
}
