import { instancesToClear, remappedTasks, type ClearChoice } from "#dag/run/clear.ts";
import type { Database, Queries } from "#sql/database.ts";
import { isFinished } from "#dag/model/states.ts";
import { saveKills } from "#workflows/state/callbacks.ts";
import { findVersion } from "#workflows/state/dags.ts";
import { saveEvents } from "#workflows/state/events.ts";
import { listInstances, type InstanceRow } from "#workflows/state/instances.ts";
import { findRun, type RunKey } from "#workflows/state/runs.ts";

export interface ClearRequest {
  readonly run: RunKey;
  readonly choice: ClearChoice;
  /** Who asks. */
  readonly owner?: string;
  /** Says only what would be cleared. */
  readonly dryRun: boolean;
}

/**
 * Has task instances of a run run again, with as many tries as their tasks have; what of them runs is
 * ended. A run that had ended waits for its start again. @returns them, as they were before.
 */
export async function clearInstances(
  database: Database,
  request: ClearRequest,
  now: number,
): Promise<readonly InstanceRow[]> {
  const cleared = await database.transaction(
    (queries) => clearInTransaction(queries, request, now),
    true,
  );
  if (!request.dryRun && cleared.length > 0) await database.notify();
  return cleared;
}

/** The same, as a part of an exclusive transaction. */
export async function clearInTransaction(
  queries: Queries,
  { run: key, choice, owner, dryRun }: ClearRequest,
  now: number,
): Promise<readonly InstanceRow[]> {
  const run = await findRun(queries, key);
  const version = run && (await findVersion(queries, run.dagId, run.version));
  if (run === undefined || version === undefined) return [];
  const { tasks } = version.model;
  const all = await listInstances(queries, run);
  const cleared = instancesToClear(tasks, all, choice);
  if (dryRun || cleared.length === 0) return cleared;
  const retries = new Map(tasks.map((it) => [it.id, it.retries]));
  for (const it of cleared) await reset(queries, it, retries.get(it.taskId) ?? 0);
  await saveKills(
    queries,
    cleared.filter((it) => !isFinished(it.state)),
  );
  for (const id of remappedTasks(tasks, all, cleared)) await collapse(queries, run, id);
  await requeueRun(queries, run, now);
  const { dagId, runId } = run;
  await saveEvents(
    queries,
    cleared.map(({ taskId, mapIndex, tryNumber }) => ({
      ...{ at: now, name: "task.cleared", dagId, runId, taskId, mapIndex, tryNumber, owner },
    })),
  );
  return cleared;
}

/** Without its attempt nobody who runs it can change it any more. */
async function reset(queries: Queries, it: InstanceRow, retries: number): Promise<void> {
  await queries.run(
    `update task_instance set state = null, max_tries = ?, attempt = null, owner = null,
       next_at = null, ended_at = null, skips = null, reason = null, fresh_from = ?
     where dag_id = ? and run_id = ? and task_id = ? and map_index = ?`,
    it.tryNumber + retries,
    it.tryNumber + 1,
    it.dagId,
    it.runId,
    it.taskId,
    it.mapIndex,
  );
}

/** Makes the instances of a mapped task the one that it was before it was expanded. */
async function collapse(queries: Queries, run: RunKey, taskId: string): Promise<void> {
  const key = [run.dagId, run.runId, taskId] as const;
  const which = "where dag_id = ? and run_id = ? and task_id = ?";
  await queries.run(`delete from output ${which}`, ...key);
  await queries.run(`delete from task_instance ${which} and map_index > 0`, ...key);
  await queries.run(`update task_instance set map_index = -1 ${which} and map_index = 0`, ...key);
}

/** Has a run that had ended wait for its start again; one that runs looks again. */
export async function requeueRun(queries: Queries, run: RunKey, now: number): Promise<void> {
  await queries.run(
    `update dag_run set state = case when state = 'running' then state else 'queued' end,
       started_at = case when state = 'running' then started_at else null end,
       queued_at = case when state = 'running' then queued_at else ? end,
       ended_at = null, plan_at = ?, revision = revision + 1 where dag_id = ? and run_id = ?`,
    now,
    now,
    run.dagId,
    run.runId,
  );
}
