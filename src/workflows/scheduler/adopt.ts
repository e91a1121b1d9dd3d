import type { Database, Queries } from "#sql/database.ts";
import { leavesBehind } from "#workflows/operators/leaves-behind.ts";
import { releaseCallbacks, saveKills } from "#workflows/state/callbacks.ts";
import { saveEvents } from "#workflows/state/events.ts";
import { instancesOf, type InstanceRow } from "#workflows/state/instances.ts";
import { listSchedulers, removeScheduler, type SchedulerJob } from "#workflows/state/jobs.ts";

export interface AdoptPorts {
  readonly database: Database;
  readonly now: number;
  readonly host: string;
  /** Those that are silent, of those there are. */
  readonly silent: (jobs: readonly SchedulerJob[]) => readonly SchedulerJob[];
  /** Whether a process of this machine runs. */
  readonly isAlive: (pid: number) => boolean;
  readonly heir: Heir;
}

/** The scheduler that takes over. */
export interface Heir {
  readonly id: string;
  /** Whether it can go on with a task that ran for another; the others run again. */
  takes(row: InstanceRow): boolean;
}

export interface Adopted {
  /** Ids of the schedulers that ended. */
  readonly dead: readonly string[];
  /** Their tasks that go on, and are the heir's now. */
  readonly kept: readonly InstanceRow[];
}

/**
 * Takes over what dead schedulers had under way. Tasks that did not die with them go on as the heir's;
 * the others run again, and this costs them none of their tries.
 */
export async function adoptOrphans(ports: AdoptPorts): Promise<Adopted> {
  const { database } = ports;
  const all = await listSchedulers(database);
  const silent = ports.silent(all);
  const gone = all.filter((it) => silent.includes(it) || isGone(it, ports));
  if (gone.length === 0) return { dead: [], kept: [] };
  const isDead = (job: SchedulerJob): boolean =>
    // Silent up to this moment.
    gone.some((it) => it.id === job.id && it.seenAt === job.seenAt);
  return await database.transaction(async (queries) => {
    const dead: string[] = [];
    const kept: InstanceRow[] = [];
    // Itself last, when it hands over: what it inherits until then is among what it leaves.
    const found = (await listSchedulers(queries)).filter(isDead);
    const isHeir = (it: SchedulerJob): number => Number(it.id === ports.heir.id);
    for (const { id } of found.sort((a, b) => isHeir(a) - isHeir(b))) {
      dead.push(id);
      const own = await inherit(queries, id, ports);
      kept.push(...own);
      // One that hands over at its own end stays known while it leaves something to be taken over.
      await releaseCallbacks(queries, id);
      if (own.length === 0 || id !== ports.heir.id) await removeScheduler(queries, id);
    }
    return { dead, kept };
  }, true);
}

/** @returns what goes on. */
async function inherit(
  queries: Queries,
  dead: string,
  { heir, now }: AdoptPorts,
): Promise<readonly InstanceRow[]> {
  const kept: InstanceRow[] = [];
  const runs = new Map<string, readonly [dagId: string, runId: string]>();
  for (const it of await instancesOf(queries, dead)) {
    const goesOn = it.attempt !== undefined && heir.takes(it);
    if (goesOn) kept.push({ ...it, owner: heir.id });
    if (goesOn && heir.id === dead) continue;
    runs.set(`${it.dagId} ${it.runId}`, [it.dagId, it.runId]);
    const key = [it.dagId, it.runId, it.taskId, it.mapIndex, it.attempt ?? null] as const;
    const where =
      "where dag_id = ? and run_id = ? and task_id = ? and map_index = ? and attempt = ?";
    if (goesOn) await queries.run(`update task_instance set owner = ? ${where}`, heir.id, ...key);
    else {
      if (leavesBehind.get(it.operator) === "abandoned") await saveKills(queries, [it]);
      await queries.run(
        `update task_instance set state = null, attempt = null, owner = null,
           max_tries = max_tries + 1, reason = 'the scheduler that ran it ended' ${where}`,
        ...key,
      );
    }
    const { dagId, runId, taskId, mapIndex, tryNumber } = it;
    const name = goesOn ? "task.adopted" : "task.orphaned";
    const event = { at: now, dagId, runId, taskId, mapIndex, tryNumber, owner: dead };
    await saveEvents(queries, [{ ...event, name }]);
  }
  for (const [dagId, runId] of runs.values()) {
    await queries.run(
      "update dag_run set plan_at = ?, revision = revision + 1 where dag_id = ? and run_id = ?",
      now,
      dagId,
      runId,
    );
  }
  return kept;
}

/** It has handed its work back, or its process has ended. */
function isGone(job: SchedulerJob, { host, isAlive }: AdoptPorts): boolean {
  return job.seenAt === 0 || (job.host === host && !isAlive(job.pid));
}
