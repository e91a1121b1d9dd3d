import { assert } from "#base/assert.ts";
import { isActive } from "#dag/model/states.ts";
import type { Queries } from "#sql/database.ts";
import { pausedDags } from "#workflows/state/dags.ts";
import {
  activeInstances,
  scheduledInstances,
  type InstanceKey,
  type InstanceRow,
  type ScheduledInstance,
} from "#workflows/state/instances.ts";
import { listPools } from "#workflows/state/pools.ts";
import { planQueue, type Candidate, type Room } from "./queue/plan.ts";
import type { RunRecord } from "./run-record.ts";
import type { Turn } from "./turn-context.ts";

/** Instances that are read at a time, beyond those for which there is room. */
const spareCandidates = 64;
/** How often others are looked for when the first cannot run. */
const searchesMax = 8;

/** Says which instances are active. */
interface NamedRoom extends Room {
  readonly active: readonly InstanceKey[];
}

interface Found extends Candidate {
  readonly record: RunRecord;
  readonly instance: InstanceRow;
}

/**
 * Gives scheduled instances to executors, the weightiest first, as far as pools, DAGs and executors
 * have room. The turn's transaction is the only one that does so at a time, so no limit is exceeded.
 * The database does not have what this turn has changed, so that is counted from memory.
 */
export async function queueInstances(
  turn: Turn,
  free: ReadonlyMap<string, number>,
): Promise<readonly { readonly record: RunRecord; readonly instance: InstanceRow }[]> {
  const { queries } = turn;
  const total = [...free.values()].reduce((sum, it) => sum + Math.max(0, it), 0);
  if (total === 0) return [];
  const unwritten = unwrittenOf(turn);
  // Rows that are scheduled in the database alone take up places in what it answers.
  let limit = total + spareCandidates + unwritten.vacated;
  const full = { pools: [] as string[], dags: [] as string[] };
  const [stored, pausedDags, first] = await Promise.all([
    findRoom(turn, free),
    pausedAmong(queries, unwritten.scheduled),
    scheduledInstances(queries, full, limit),
  ]);
  let room = withChanges(stored, unwritten.released, []);
  const fresh = unwritten.scheduled.filter((it) => !pausedDags.has(it.dagId));
  let candidates: readonly Found[] = [...fresh, ...(await findCandidates(turn, first))].sort(
    byWeight,
  );
  let more = first.length === limit;
  const started: { readonly record: RunRecord; readonly instance: InstanceRow }[] = [];
  for (let search = 1; ; search += 1) {
    const plan = planQueue(candidates, room);
    room = withChanges(room, [], plan.chosen);
    for (const { record, instance } of plan.chosen) {
      started.push({ record, instance: start(turn, record, instance) });
    }
    full.pools.push(...plan.fullPools);
    full.dags.push(...plan.fullDags);
    const others = plan.fullPools.length > 0 || plan.fullDags.length > 0;
    const isOpen = [...room.free.values()].some((it) => it > 0);
    if (!more || !others || !isOpen || search === searchesMax) return started;
    limit = total + spareCandidates + unwritten.vacated + started.length;
    const found = await scheduledInstances(queries, full, limit);
    more = found.length === limit;
    candidates = await findCandidates(turn, found);
  }
}

/** What the turn has changed that counts here. */
interface Unwritten {
  readonly scheduled: readonly Found[];
  /** Active in the database alone. */
  readonly released: readonly InstanceRow[];
  /** How many are scheduled in the database alone. */
  readonly vacated: number;
}

function unwrittenOf(turn: Turn): Unwritten {
  const scheduled: Found[] = [];
  const released: InstanceRow[] = [];
  let vacated = 0;
  for (const record of turn.records.touched()) {
    for (const { stored, instance } of record.unwritten()) {
      if (isActive(stored) && !isActive(instance.state)) released.push(instance);
      if (instance.state === "scheduled" && stored !== "scheduled") {
        scheduled.push(...candidateOf(turn, record, instance));
      }
      if (stored === "scheduled" && instance.state !== "scheduled") vacated += 1;
    }
  }
  return { scheduled, released, vacated };
}

async function pausedAmong(
  queries: Queries,
  candidates: readonly Found[],
): Promise<ReadonlySet<string>> {
  const ids = [...new Set(candidates.map((it) => it.dagId))];
  if (ids.length === 0) return new Set();
  return await pausedDags(queries, ids);
}

async function findRoom(turn: Turn, free: ReadonlyMap<string, number>): Promise<NamedRoom> {
  const [pools, active] = await Promise.all([
    listPools(turn.queries),
    activeInstances(turn.queries),
  ]);
  const used = new Map<string, number>();
  for (const { pool, poolSlots } of active) used.set(pool, (used.get(pool) ?? 0) + poolSlots);
  return {
    free,
    pools: new Map(pools.map((it) => [it.name, { slots: it.slots, used: used.get(it.name) ?? 0 }])),
    active,
  };
}

/** The room that is left when some have ended and others have been started. */
function withChanges(
  room: NamedRoom,
  released: readonly InstanceRow[],
  chosen: readonly Found[],
): NamedRoom {
  if (released.length === 0 && chosen.length === 0) return room;
  const free = new Map(room.free);
  const pools = new Map([...room.pools].map(([name, it]) => [name, { ...it }]));
  const gone = new Set(released.map(nameOf));
  for (const { pool, poolSlots } of released) {
    const found = pools.get(pool);
    if (found !== undefined) found.used -= poolSlots;
  }
  for (const { pool, poolSlots, executor } of chosen) {
    const found = pools.get(pool);
    if (found !== undefined) found.used += poolSlots;
    free.set(executor, (free.get(executor) ?? 0) - 1);
  }
  const left = room.active.filter((it) => !gone.has(nameOf(it)));
  return { free, pools, active: [...left, ...chosen.map((it) => it.instance)] };
}

function nameOf({ dagId, runId, taskId, mapIndex }: InstanceKey): string {
  return `${dagId} ${runId} ${taskId} ${mapIndex}`;
}

function byWeight({ instance: a }: Found, { instance: b }: Found): number {
  if (a.weight !== b.weight) return b.weight - a.weight;
  if (a.sortAt !== b.sortAt) return a.sortAt - b.sortAt;
  if (a.taskId !== b.taskId) return a.taskId < b.taskId ? -1 : 1;
  return a.mapIndex - b.mapIndex;
}

async function findCandidates(
  turn: Turn,
  scheduled: readonly ScheduledInstance[],
): Promise<readonly Found[]> {
  const found: Found[] = [];
  for (const row of scheduled) turn.records.see(row.run);
  await turn.records.check(turn.queries, scheduled);
  for (const row of scheduled) {
    const record = await turn.records.get(turn.queries, row);
    const instance = record?.find(row.taskId, row.mapIndex);
    // This turn may have decided otherwise about it.
    if (record === undefined || instance?.state !== "scheduled") continue;
    found.push(...candidateOf(turn, record, instance));
  }
  return found;
}

function candidateOf(turn: Turn, record: RunRecord, instance: InstanceRow): Found[] {
  const task = record.task(instance.taskId);
  if (task === undefined) return [];
  const { dagId, runId, taskId, pool, poolSlots } = instance;
  const executor = turn.settings.executorOf(instance);
  const { maxActivePerDag, maxActivePerRun } = task;
  const { maxActiveTasks } = record.model;
  const limits = { maxActiveTasks, maxActivePerDag, maxActivePerRun };
  return [{ dagId, runId, taskId, pool, poolSlots, executor, ...limits, record, instance }];
}

/** The executor takes it at once, so it is queued and running in one step. */
function start(turn: Turn, record: RunRecord, instance: InstanceRow): InstanceRow {
  assert(instance.state === "scheduled", "only what is scheduled is queued");
  const attempt = turn.newId();
  const { dagId, runId, taskId, mapIndex, tryNumber } = instance;
  const task = record.task(taskId);
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
    measured: { dueAt: instance.scheduledAt, reads: task?.inlets, makes: task?.outlets },
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
