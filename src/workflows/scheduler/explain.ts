import { explainWaiting } from "#dag/run/plan.ts";
import type { DagModel } from "#dag/model/model.ts";
import { isFinished } from "#dag/model/states.ts";
import { formatMoment } from "#dag/timetable/moment.ts";
import { numberOf } from "#sql/columns.ts";
import type { Queries } from "#sql/database.ts";
import { findApproval } from "#workflows/state/approvals.ts";
import { findDag, findVersion, type DagVersion } from "#workflows/state/dags.ts";
import {
  findInstance,
  listInstances,
  type InstanceKey,
  type InstanceRow,
} from "#workflows/state/instances.ts";
import { listSchedulers } from "#workflows/state/jobs.ts";
import { listPools, usedSlots } from "#workflows/state/pools.ts";
import { findWait, freeSlots } from "#workflows/state/standing.ts";
import { findRun, previousRun, type RunRow } from "#workflows/state/runs.ts";
import { pastOf } from "./past.ts";
import { schedulerSilenceMs } from "./silence.ts";
import { defaultMapLengthMax } from "./world.ts";

/** One thing that keeps a task instance from running. Names are those of Airflow's dependencies. */
export interface Obstacle {
  readonly name: string;
  readonly reason: string;
}

/**
 * Why a task instance does not run now, in words. Empty when nothing keeps it, or it runs already.
 * Undefined when there is no such instance.
 */
export async function explainInstance(
  queries: Queries,
  key: InstanceKey,
  now: number,
): Promise<readonly Obstacle[] | undefined> {
  const instance = await findInstance(queries, key);
  const run = await findRun(queries, key);
  const version = run && (await findVersion(queries, run.dagId, run.version));
  if (instance === undefined || run === undefined || version === undefined) return undefined;
  if (instance.state === "running") return await placeObstacles(queries, instance);
  const ended = endObstacle(instance);
  if (ended !== undefined) return [ended];
  const found = [
    ...(await schedulerObstacles(queries, now)),
    ...(await runObstacles(queries, run, version)),
    ...((await answerObstacles(queries, instance)) ?? timeObstacles(instance, now)),
  ];
  if (run.state === "running" && instance.state === null) {
    found.push(...(await planObstacles(queries, { run, version, instance }, now)));
  }
  if (instance.state === "scheduled" || instance.state === "queued") {
    found.push(...(await roomObstacles(queries, version, instance)));
    if (found.length === 0) found.push(await executorObstacle(queries, instance, now));
  }
  return found;
}

/** What a try waits for that an executor has: nothing once its worker has begun. */
async function placeObstacles(queries: Queries, { attempt }: InstanceRow): Promise<Obstacle[]> {
  const reason = attempt === undefined ? undefined : await findWait(queries, attempt);
  return reason === undefined ? [] : [{ name: "Executor", reason }];
}

function endObstacle({ state, reason }: InstanceRow): Obstacle | undefined {
  if (!isFinished(state)) return undefined;
  const why = reason === undefined ? "" : `: ${reason}`;
  return { name: "Task Instance State", reason: `Task is in the '${String(state)}' state${why}` };
}

async function schedulerObstacles(queries: Queries, now: number): Promise<Obstacle[]> {
  const alive = (await listSchedulers(queries)).some((it) => now - it.seenAt < schedulerSilenceMs);
  return alive ? [] : [{ name: "Scheduler", reason: "No scheduler runs: gantry scheduler" }];
}

async function runObstacles(
  queries: Queries,
  run: RunRow,
  { model }: DagVersion,
): Promise<Obstacle[]> {
  const found: Obstacle[] = [];
  const dag = await findDag(queries, run.dagId);
  if (dag?.paused === true) {
    found.push({ name: "Dag Not Paused", reason: `Task's DAG '${run.dagId}' is paused` });
  }
  if (run.state === "queued") {
    const [row] = await queries.rows(
      "select count(*) as count from dag_run where dag_id = ? and state = 'running'",
      run.dagId,
    );
    const running = row === undefined ? 0 : numberOf(row, "count");
    const reason =
      running >= model.maxActiveRuns
        ? `The run waits: ${running} of ${model.maxActiveRuns} runs of the DAG are active`
        : `The run waits to be started, from ${formatMoment(run.runAfter)} on`;
    found.push({ name: "Dagrun Running", reason });
  }
  if (run.state === "success" || run.state === "failed") {
    found.push({ name: "Dagrun Running", reason: `The run has ended: ${run.state}` });
  }
  return found;
}

/** What a task asks people; undefined when it asks nothing. */
async function answerObstacles(
  queries: Queries,
  instance: InstanceRow,
): Promise<Obstacle[] | undefined> {
  if (instance.state !== "up_for_reschedule") return undefined;
  const asked = await findApproval(queries, instance);
  if (asked === undefined || asked.answer !== undefined) return undefined;
  const { dagId, runId, taskId } = instance;
  const how = `gantry tasks answer ${dagId} ${runId} ${taskId}`;
  const options = asked.options.join(", ");
  const reason = `Task asks people: ${asked.subject} (${options}): ${how}`;
  return [{ name: "Human Input", reason }];
}

function timeObstacles({ state, nextAt, reason }: InstanceRow, now: number): Obstacle[] {
  if (nextAt === undefined || nextAt <= now) return [];
  const at = formatMoment(nextAt);
  if (state === "up_for_retry") {
    const why = reason === undefined ? "" : ` after: ${reason}`;
    return [{ name: "Not In Retry Period", reason: `Task is tried again at ${at}${why}` }];
  }
  return [{ name: "Ready To Reschedule", reason: `Task looks again at ${at}` }];
}

async function planObstacles(
  queries: Queries,
  of: { readonly run: RunRow; readonly version: DagVersion; readonly instance: InstanceRow },
  now: number,
): Promise<Obstacle[]> {
  const { run, version, instance } = of;
  const { model } = version;
  const task = model.tasks.find((it) => it.id === instance.taskId);
  if (task === undefined) return [];
  const instances = await listInstances(queries, run);
  const view = { state: run.state, startedAt: run.startedAt, instances };
  const before = task.dependsOnPast ? await previousRun(queries, run) : undefined;
  const past =
    before === undefined
      ? () => undefined
      : pastOf(model.tasks, before, await listInstances(queries, before));
  const facts = { now, mapLengthMax: defaultMapLengthMax, past, measure: () => undefined };
  const reason = explainWaiting(model, view, facts, { task, mapIndex: instance.mapIndex });
  if (reason === undefined) return [];
  const isPast = past(task, instance.mapIndex) === reason;
  return [{ name: isPast ? "Previous Dagrun State" : "Trigger Rule", reason }];
}

async function roomObstacles(
  queries: Queries,
  { model }: DagVersion,
  instance: InstanceRow,
): Promise<Obstacle[]> {
  const { dagId, pool, poolSlots } = instance;
  const found: Obstacle[] = [];
  const slots = (await listPools(queries)).find((it) => it.name === pool)?.slots;
  const used = (await usedSlots(queries)).get(pool) ?? 0;
  if (slots === undefined) {
    const reason = `There is no pool '${pool}': gantry pools set ${pool} SLOTS`;
    found.push({ name: "Pool Slots Available", reason });
  } else if (slots >= 0 && poolSlots > slots) {
    const reason = `The task takes ${poolSlots} slots of pool '${pool}', which has ${slots}`;
    found.push({ name: "Pool Slots Available", reason });
  } else if (slots >= 0 && used + poolSlots > slots) {
    const reason = `Pool '${pool}' has ${slots - used} of ${slots} slots open, the task takes ${poolSlots}`;
    found.push({ name: "Pool Slots Available", reason });
  }
  const [row] = await queries.rows(
    "select count(*) as count from task_instance where dag_id = ? and state in ('queued', 'running')",
    dagId,
  );
  const active = row === undefined ? 0 : numberOf(row, "count");
  if (active >= model.maxActiveTasks) {
    const reason = `${active} of ${model.maxActiveTasks} tasks of the DAG are active: max_active_tasks`;
    found.push({ name: "Task Concurrency", reason });
  }
  found.push(...(await instanceObstacles(queries, model, instance)));
  return found;
}

/** Limits of one task, in its DAG and in its run. */
async function instanceObstacles(
  queries: Queries,
  model: DagModel,
  { dagId, runId, taskId }: InstanceRow,
): Promise<Obstacle[]> {
  const task = model.tasks.find((it) => it.id === taskId);
  const rows = await queries.rows(
    `select run_id from task_instance
     where dag_id = ? and task_id = ? and state in ('queued', 'running')`,
    dagId,
    taskId,
  );
  const inRun = rows.filter((row) => row["run_id"] === runId).length;
  const limits = [
    [rows.length, task?.maxActivePerDag, "max_active_tis_per_dag"],
    [inRun, task?.maxActivePerRun, "max_active_tis_per_dagrun"],
  ] as const;
  return limits.flatMap(([active, limit, name]) => {
    if (limit === undefined || active < limit) return [];
    const reason = `${active} of ${limit} instances of the task are active: ${name}`;
    return [{ name: "Task Concurrency", reason }];
  });
}

/** Nothing else keeps it: an executor has no slot, or the scheduler takes it in its next turn. */
async function executorObstacle(
  queries: Queries,
  { executor }: InstanceRow,
  now: number,
): Promise<Obstacle> {
  const free = await freeSlots(queries, now - schedulerSilenceMs);
  const asked = executor === undefined ? undefined : free.get(executor);
  const name = "Executor";
  if (executor !== undefined && asked === undefined && free.size > 0) {
    return { name, reason: `No scheduler has executor '${executor}'` };
  }
  const full = [...free].filter(([, count]) => count === 0).map(([it]) => it);
  const isFull = asked === undefined ? full.length > 0 : asked === 0;
  return isFull
    ? { name, reason: `Executor ${executor ?? full.join(", ")} has no free slot` }
    : { name, reason: "Task waits for the scheduler's next turn" };
}
