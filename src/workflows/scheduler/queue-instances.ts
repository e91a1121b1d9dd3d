import { assert } from "#base/assert.ts";
import { activeByTask, scheduledInstances, type InstanceRow } from "#workflows/state/instances.ts";
import { listPools, usedSlots } from "#workflows/state/pools.ts";
import { planQueue, type Candidate, type Room } from "./queue/plan.ts";
import type { RunRecord } from "./run-record.ts";
import type { Turn } from "./turn-context.ts";

/** Instances that are read at a time, beyond those for which there is room. */
const spareCandidates = 64;
/** How often others are looked for when the first cannot run. */
const searchesMax = 8;

interface Found extends Candidate {
  readonly record: RunRecord;
  readonly instance: InstanceRow;
}

/**
 * Gives scheduled instances to executors, the weightiest first, as far as pools, DAGs and executors
 * have room. The turn's transaction is the only one that does so at a time, so no limit is exceeded.
 */
export async function queueInstances(
  turn: Turn,
  free: ReadonlyMap<string, number>,
): Promise<readonly { readonly record: RunRecord; readonly instance: InstanceRow }[]> {
  const started: { readonly record: RunRecord; readonly instance: InstanceRow }[] = [];
  const left = new Map(free);
  const full = { pools: [] as string[], dags: [] as string[] };
  for (let search = 0; search < searchesMax; search += 1) {
    const total = [...left.values()].reduce((sum, it) => sum + it, 0);
    if (total <= 0) break;
    const limit = total + spareCandidates;
    const scheduled = await scheduledInstances(turn.queries, full, limit);
    const candidates = await findCandidates(turn, scheduled);
    const plan = planQueue(candidates, await findRoom(turn, left));
    for (const { record, instance, executor } of plan.chosen) {
      left.set(executor, (left.get(executor) ?? 0) - 1);
      started.push({ record, instance: start(turn, record, instance) });
      await record.flush(turn.queries);
    }
    full.pools.push(...plan.fullPools);
    full.dags.push(...plan.fullDags);
    const more = scheduled.length === limit;
    if (!more || (plan.fullPools.length === 0 && plan.fullDags.length === 0)) break;
  }
  return started;
}

async function findRoom(turn: Turn, free: ReadonlyMap<string, number>): Promise<Room> {
  const used = await usedSlots(turn.queries);
  const pools = await listPools(turn.queries);
  return {
    free,
    pools: new Map(pools.map((it) => [it.name, { slots: it.slots, used: used.get(it.name) ?? 0 }])),
    active: await activeByTask(turn.queries),
  };
}

async function findCandidates(
  turn: Turn,
  scheduled: readonly InstanceRow[],
): Promise<readonly Found[]> {
  const found: Found[] = [];
  for (const row of scheduled) {
    const record = await turn.records.get(turn.queries, row);
    const instance = record?.find(row.taskId, row.mapIndex);
    const task = record?.task(row.taskId);
    if (record === undefined || instance === undefined || task === undefined) continue;
    found.push({
      dagId: row.dagId,
      runId: row.runId,
      taskId: row.taskId,
      pool: row.pool,
      poolSlots: row.poolSlots,
      executor: row.executor ?? turn.settings.defaultExecutor,
      maxActiveTasks: record.model.maxActiveTasks,
      maxActivePerDag: task.maxActivePerDag,
      maxActivePerRun: task.maxActivePerRun,
      record,
      instance,
    });
  }
  return found;
}

/** The executor takes it at once, so it is queued and running in one step. */
function start(turn: Turn, record: RunRecord, instance: InstanceRow): InstanceRow {
  assert(instance.state === "scheduled", "only what is scheduled is queued");
  const attempt = turn.newId();
  const { dagId, runId, taskId, mapIndex, tryNumber } = instance;
  turn.events.push({
    at: turn.now,
    name: "task.running",
    dagId,
    runId,
    taskId,
    mapIndex,
    tryNumber,
    owner: turn.owner,
    extra: attempt,
  });
  return record.set(instance, {
    state: "running",
    attempt,
    owner: turn.owner,
    host: turn.host,
    pid: turn.pid,
    queuedAt: turn.now,
    startedAt: turn.now,
    firstStartedAt: instance.firstStartedAt ?? turn.now,
    endedAt: undefined,
  });
}
