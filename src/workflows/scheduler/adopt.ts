import type { Database } from "#sql/database.ts";
import { saveEvents } from "#workflows/state/events.ts";
import { instancesOf } from "#workflows/state/instances.ts";
import { listSchedulers, removeScheduler, type SchedulerJob } from "#workflows/state/jobs.ts";

export interface AdoptPorts {
  readonly database: Database;
  readonly now: number;
  readonly host: string;
  /** Those that are silent, of those there are. */
  readonly silent: (jobs: readonly SchedulerJob[]) => readonly SchedulerJob[];
  /** Whether a process of this machine runs. */
  readonly isAlive: (pid: number) => boolean;
}

/**
 * Takes over what dead schedulers had under way: their tasks, which died with them, run again, and
 * this costs them none of their tries. @returns the ids of the dead.
 */
export async function adoptOrphans(ports: AdoptPorts): Promise<readonly string[]> {
  const { database, now } = ports;
  const all = await listSchedulers(database);
  const silent = ports.silent(all);
  const dead = all.filter((it) => silent.includes(it) || isGone(it, ports));
  if (dead.length === 0) return [];
  const isDead = (job: SchedulerJob): boolean =>
    // Silent up to this moment.
    dead.some((it) => it.id === job.id && it.seenAt === job.seenAt);
  return await database.transaction(async (queries) => {
    const removed: string[] = [];
    for (const { id } of (await listSchedulers(queries)).filter(isDead)) {
      removed.push(id);
      const runs = new Map<string, readonly [dagId: string, runId: string]>();
      for (const it of await instancesOf(queries, id)) {
        runs.set(`${it.dagId} ${it.runId}`, [it.dagId, it.runId]);
        await queries.run(
          `update task_instance set state = null, attempt = null, owner = null,
             max_tries = max_tries + 1, reason = 'the scheduler that ran it ended'
           where dag_id = ? and run_id = ? and task_id = ? and map_index = ? and attempt = ?`,
          it.dagId,
          it.runId,
          it.taskId,
          it.mapIndex,
          it.attempt ?? null,
        );
        const { dagId, runId, taskId, mapIndex, tryNumber } = it;
        const event = { at: now, dagId, runId, taskId, mapIndex, tryNumber, owner: id };
        await saveEvents(queries, [{ ...event, name: "task.orphaned" }]);
      }
      for (const [dagId, runId] of runs.values()) {
        await queries.run(
          "update dag_run set plan_at = ?, revision = revision + 1 where dag_id = ? and run_id = ?",
          now,
          dagId,
          runId,
        );
      }
      await removeScheduler(queries, id);
    }
    return removed;
  }, true);
}

/** It has handed its work back, or its process has ended. */
function isGone(job: SchedulerJob, { host, isAlive }: AdoptPorts): boolean {
  return job.seenAt === 0 || (job.host === host && !isAlive(job.pid));
}
