import type { TaskState } from "#dag/model/states.ts";
import type { TaskModel } from "#dag/model/model.ts";
import { maybeNumber, maybeText, numberOf, textOf } from "#sql/columns.ts";
import {
  insertRows,
  rowsByKeys,
  updateRows,
  type Queries,
  type Row,
  type RowsUpdate,
  type Value,
} from "#sql/database.ts";
import { runColumns, runStamp, type RunKey, type RunStamp } from "./runs.ts";

/** Names a task instance. */
export interface InstanceKey extends RunKey {
  readonly taskId: string;
  readonly mapIndex: number;
}

export interface InstanceRow extends InstanceKey {
  readonly state: TaskState | null;
  /** Of the newest try, from 1; 0 before the first. */
  readonly tryNumber: number;
  readonly maxTries: number;
  readonly operator: string;
  readonly pool: string;
  readonly poolSlots: number;
  readonly weight: number;
  /** Orders instances of equal weight: when their run was due. */
  readonly sortAt: number;
  readonly queue: string;
  readonly executor: string | undefined;
  readonly scheduledAt: number | undefined;
  readonly queuedAt: number | undefined;
  readonly startedAt: number | undefined;
  /** Tries from this one on may have left something that a later one goes on with. */
  readonly freshFrom: number;
  /** Of the first look of a sensor that is looked at again and again. */
  readonly firstStartedAt: number | undefined;
  readonly endedAt: number | undefined;
  readonly nextAt: number | undefined;
  /** The scheduler whose executor has it. */
  readonly owner: string | undefined;
  /** Names one try for good; who does not know it cannot change the instance. */
  readonly attempt: string | undefined;
  readonly host: string | undefined;
  readonly pid: number | undefined;
  readonly skips: readonly string[];
  readonly reason: string | undefined;
}

const columns = [
  "dag_id",
  "run_id",
  "task_id",
  "map_index",
  "state",
  "try_number",
  "max_tries",
  "operator",
  "pool",
  "pool_slots",
  "weight",
  "sort_at",
  "queue",
  "executor",
  "scheduled_at",
  "queued_at",
  "started_at",
  "first_started_at",
  "ended_at",
  "next_at",
  "owner",
  "attempt",
  "host",
  "pid",
  "skips",
  "reason",
] as const;

/** A row of table `task_instance`. */
export function instanceRow(row: Row): InstanceRow {
  const skips = maybeText(row, "skips");
  return {
    dagId: textOf(row, "dag_id"),
    runId: textOf(row, "run_id"),
    taskId: textOf(row, "task_id"),
    mapIndex: numberOf(row, "map_index"),
    state: (maybeText(row, "state") ?? null) as TaskState | null,
    tryNumber: numberOf(row, "try_number"),
    maxTries: numberOf(row, "max_tries"),
    operator: textOf(row, "operator"),
    pool: textOf(row, "pool"),
    poolSlots: numberOf(row, "pool_slots"),
    weight: numberOf(row, "weight"),
    sortAt: numberOf(row, "sort_at"),
    queue: textOf(row, "queue"),
    executor: maybeText(row, "executor"),
    freshFrom: maybeNumber(row, "fresh_from") ?? 0,
    scheduledAt: maybeNumber(row, "scheduled_at"),
    queuedAt: maybeNumber(row, "queued_at"),
    startedAt: maybeNumber(row, "started_at"),
    firstStartedAt: maybeNumber(row, "first_started_at"),
    endedAt: maybeNumber(row, "ended_at"),
    nextAt: maybeNumber(row, "next_at"),
    owner: maybeText(row, "owner"),
    attempt: maybeText(row, "attempt"),
    host: maybeText(row, "host"),
    pid: maybeNumber(row, "pid"),
    skips: skips === undefined ? [] : (JSON.parse(skips) as string[]),
    reason: maybeText(row, "reason"),
  };
}

/** A new instance of a task, about which nothing is decided. */
export function newInstance(
  run: RunKey & { readonly runAfter: number },
  task: TaskModel,
  mapIndex: number,
): InstanceRow {
  return {
    dagId: run.dagId,
    runId: run.runId,
    taskId: task.id,
    mapIndex,
    state: null,
    tryNumber: 0,
    maxTries: task.retries,
    operator: task.operator,
    pool: task.pool,
    poolSlots: task.poolSlots,
    weight: task.totalWeight,
    sortAt: run.runAfter,
    queue: task.queue,
    executor: task.executor,
    freshFrom: 0,
    scheduledAt: undefined,
    queuedAt: undefined,
    startedAt: undefined,
    firstStartedAt: undefined,
    endedAt: undefined,
    nextAt: undefined,
    owner: undefined,
    attempt: undefined,
    host: undefined,
    pid: undefined,
    skips: [],
    reason: undefined,
  };
}

export async function insertInstances(
  queries: Queries,
  instances: readonly InstanceRow[],
): Promise<void> {
  const rows = instances.map((it) => [
    it.dagId,
    it.runId,
    it.taskId,
    it.mapIndex,
    it.state,
    it.tryNumber,
    it.maxTries,
    it.operator,
    it.pool,
    it.poolSlots,
    it.weight,
    it.sortAt,
    it.queue,
    it.executor ?? null,
    ...changeable(it),
  ]);
  await insertRows(queries, "task_instance", columns, rows);
}

/** Of times, the owner and the end of the newest try. */
function changeable(it: InstanceRow): Value[] {
  return [
    it.scheduledAt ?? null,
    it.queuedAt ?? null,
    it.startedAt ?? null,
    it.firstStartedAt ?? null,
    it.endedAt ?? null,
    it.nextAt ?? null,
    it.owner ?? null,
    it.attempt ?? null,
    it.host ?? null,
    it.pid ?? null,
    it.skips.length === 0 ? null : JSON.stringify(it.skips),
    it.reason ?? null,
  ];
}

export async function listInstances(
  queries: Queries,
  run: RunKey,
): Promise<readonly InstanceRow[]> {
  const rows = await queries.rows(
    "select * from task_instance where dag_id = ? and run_id = ? order by task_id, map_index",
    run.dagId,
    run.runId,
  );
  return rows.map(instanceRow);
}

/** Those of several runs, in any order. */
export async function listInstancesOf(
  queries: Queries,
  runs: readonly RunKey[],
): Promise<readonly InstanceRow[]> {
  const keys = runs.map((it) => [it.dagId, it.runId]);
  const rows = await rowsByKeys(queries, "select * from task_instance", runColumns, keys);
  return rows.map(instanceRow);
}

export async function findInstance(
  queries: Queries,
  key: InstanceKey,
): Promise<InstanceRow | undefined> {
  const rows = await queries.rows(
    "select * from task_instance where dag_id = ? and run_id = ? and task_id = ? and map_index = ?",
    key.dagId,
    key.runId,
    key.taskId,
    key.mapIndex,
  );
  return rows.map(instanceRow)[0];
}

/** An instance that is queued or running, with what it takes of a pool. */
export type ActiveInstance = InstanceKey & Pick<InstanceRow, "pool" | "poolSlots">;

/** All instances that are queued or running. */
export async function activeInstances(queries: Queries): Promise<readonly ActiveInstance[]> {
  const rows = await queries.rows(
    `select dag_id, run_id, task_id, map_index, pool, pool_slots from task_instance
     where state in ('queued', 'running')`,
  );
  return rows.map((row) => ({
    ...instanceKey(row),
    pool: textOf(row, "pool"),
    poolSlots: numberOf(row, "pool_slots"),
  }));
}

function instanceKey(row: Row): InstanceKey {
  return {
    dagId: textOf(row, "dag_id"),
    runId: textOf(row, "run_id"),
    taskId: textOf(row, "task_id"),
    mapIndex: numberOf(row, "map_index"),
  };
}

/** Instances that are queued or running for a scheduler. */
export async function instancesOf(
  queries: Queries,
  owner: string,
): Promise<readonly InstanceRow[]> {
  const rows = await queries.rows(
    "select * from task_instance where state in ('queued', 'running') and owner = ?",
    owner,
  );
  return rows.map(instanceRow);
}

/**
 * Notes which worker runs a try that was given to workers elsewhere. False when another one has it
 * already, or nobody is to run it any more.
 */
export async function claimInstance(
  queries: Queries,
  { attempt, ...key }: InstanceKey & { readonly attempt: string },
  worker: string,
): Promise<boolean> {
  const changed = await queries.run(
    `update task_instance set host = ?, pid = null
     where dag_id = ? and run_id = ? and task_id = ? and map_index = ? and attempt = ?
       and state in ('queued', 'running') and (pid is not null or host = ?)`,
    worker,
    key.dagId,
    key.runId,
    key.taskId,
    key.mapIndex,
    attempt,
    worker,
  );
  return changed > 0;
}

export interface ScheduledInstance extends InstanceKey {
  readonly run: RunStamp;
}

/** Scheduled instances of DAGs that are not paused, the weightiest first. */
export async function scheduledInstances(
  queries: Queries,
  excluded: { readonly pools: readonly string[]; readonly dags: readonly string[] },
  limit: number,
): Promise<readonly ScheduledInstance[]> {
  const pools = excluded.pools.map(() => "?").join(", ");
  const dags = excluded.dags.map(() => "?").join(", ");
  // The inner part reads the index in its order, as far as the limit, whatever the tables hold.
  const rows = await queries.rows(
    `select found.dag_id, found.run_id, task_id, map_index, revision, plan_at
     from (select * from task_instance
       where state = 'scheduled' and not exists (
         select 1 from dag where dag.dag_id = task_instance.dag_id and paused = 1)
         ${excluded.pools.length === 0 ? "" : `and pool not in (${pools})`}
         ${excluded.dags.length === 0 ? "" : `and dag_id not in (${dags})`}
       order by weight desc, sort_at, task_id, map_index limit ?) as found
     join dag_run on dag_run.dag_id = found.dag_id and dag_run.run_id = found.run_id
     order by weight desc, sort_at, task_id, map_index`,
    ...excluded.pools,
    ...excluded.dags,
    limit,
  );
  return rows.map((row) => ({ ...instanceKey(row), run: runStamp(row) }));
}

/** What an instance is to be, and what it must have been. */
export interface InstanceChange {
  readonly next: InstanceRow;
  readonly from: Pick<InstanceRow, "state" | "mapIndex">;
}

const changes: RowsUpdate = {
  table: "task_instance",
  given: {
    ...{ dag_id: "text", run_id: "text", task_id: "text", from_index: "bigint" },
    ...{ from_state: "text", map_index: "bigint", state: "text", try_number: "bigint" },
    ...{ max_tries: "bigint", scheduled_at: "bigint", queued_at: "bigint", started_at: "bigint" },
    ...{ first_started_at: "bigint", ended_at: "bigint", next_at: "bigint", owner: "text" },
    ...{ attempt: "text", host: "text", pid: "bigint", skips: "text", reason: "text" },
  },
  set: `map_index = given.map_index, state = given.state, try_number = given.try_number,
    max_tries = given.max_tries, scheduled_at = given.scheduled_at, queued_at = given.queued_at,
    started_at = given.started_at, first_started_at = given.first_started_at,
    ended_at = given.ended_at, next_at = given.next_at, owner = given.owner,
    attempt = given.attempt, host = given.host, pid = given.pid, skips = given.skips,
    reason = given.reason`,
  where: `task_instance.dag_id = given.dag_id and task_instance.run_id = given.run_id
    and task_instance.task_id = given.task_id and task_instance.map_index = given.from_index
    and task_instance.state is not distinct from given.from_state`,
};

/**
 * Writes what may change of instances, of each if it still is in state `from`.
 * @returns how many still were.
 */
export async function updateInstances(
  queries: Queries,
  given: readonly InstanceChange[],
): Promise<number> {
  const rows = given.map(({ next, from }) => [
    next.dagId,
    next.runId,
    next.taskId,
    from.mapIndex,
    from.state,
    next.mapIndex,
    next.state,
    next.tryNumber,
    next.maxTries,
    ...changeable(next),
  ]);
  return await updateRows(queries, changes, rows);
}
