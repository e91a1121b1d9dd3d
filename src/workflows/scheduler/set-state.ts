import { isActive, isFinished, type RunState, type TaskState } from "#dag/model/states.ts";
import type { Database, Queries } from "#sql/database.ts";
import { saveKills } from "#workflows/state/callbacks.ts";
import { findVersion } from "#workflows/state/dags.ts";
import { saveEvents } from "#workflows/state/events.ts";
import { listInstances, type InstanceRow } from "#workflows/state/instances.ts";
import { findRun, type RunKey, type RunRow } from "#workflows/state/runs.ts";

/** States that a person may give a run; as Airflow's `DagRunMutableStates`. */
export type SettableRunState = Exclude<RunState, "running">;

/**
 * Gives a run a state by hand. At an end, what runs gets the same state and what waits is skipped;
 * teardowns go on, and the run ends with them. False when there is no such run.
 */
export async function setRunState(
  database: Database,
  change: RunKey & { readonly state: SettableRunState; readonly owner?: string },
  now: number,
): Promise<boolean> {
  const { dagId, runId, state, owner } = change;
  const found = await database.transaction(async (queries) => {
    const run = await findRun(queries, change);
    if (run === undefined) return false;
    const isOver = state === "queued" ? true : await endInstances(queries, run, state, now);
    await queries.run(
      `update dag_run set state = ?, ended_at = ?, plan_at = ?, revision = revision + 1
       where dag_id = ? and run_id = ?`,
      isOver ? state : run.state,
      isOver && state !== "queued" ? now : null,
      isOver && state !== "queued" ? null : now,
      dagId,
      runId,
    );
    const name = `run.set_${state}`;
    await saveEvents(queries, [{ at: now, name, dagId, runId, owner }]);
    return true;
  }, true);
  await database.notify();
  return found;
}

/** False when teardowns have yet to run. */
async function endInstances(
  queries: Queries,
  run: RunRow,
  state: "success" | "failed",
  now: number,
): Promise<boolean> {
  const version = await findVersion(queries, run.dagId, run.version);
  const teardowns = new Set(
    (version?.model.tasks ?? []).filter((it) => it.teardown).map((it) => it.id),
  );
  const open = (await listInstances(queries, run)).filter((it) => !isFinished(it.state));
  for (const it of open) {
    if (teardowns.has(it.taskId)) continue;
    const isUnderWay = isActive(it.state) || it.state === "up_for_reschedule";
    await writeState(queries, it, { state: isUnderWay ? state : "skipped", now });
  }
  return !open.some((it) => teardowns.has(it.taskId));
}

async function writeState(
  queries: Queries,
  it: InstanceRow,
  to: { readonly state: TaskState; readonly now: number },
): Promise<void> {
  // Without its attempt nobody who runs it can change it any more.
  await queries.run(
    `update task_instance set state = ?, ended_at = ?, next_at = null, attempt = null, owner = null,
       reason = 'set by hand' where dag_id = ? and run_id = ? and task_id = ? and map_index = ?`,
    to.state,
    to.now,
    it.dagId,
    it.runId,
    it.taskId,
    it.mapIndex,
  );
  if (!isFinished(it.state)) await saveKills(queries, [it]);
}

/** States that a person may give a task instance. */
export type SettableTaskState = "success" | "failed" | "skipped";

/**
 * Gives task instances of one run a state by hand, and has the run go on from there, also one that
 * had ended. @returns those that had another state before.
 */
export async function setInstanceStates(
  database: Database,
  change: {
    readonly run: RunKey;
    readonly state: SettableTaskState;
    readonly owner?: string;
    /** Which instances. */
    readonly chosen: (instance: InstanceRow) => boolean;
  },
  now: number,
): Promise<readonly InstanceRow[]> {
  const { run, state, owner, chosen } = change;
  const { dagId, runId } = run;
  const changed = await database.transaction(async (queries) => {
    const instances = await listInstances(queries, run);
    const others = instances.filter((it) => it.state !== state && chosen(it));
    for (const it of others) await writeState(queries, it, { state, now });
    if (others.length === 0) return others;
    // A run that had ended is judged again.
    await queries.run(
      `update dag_run set state = case when state = 'queued' then state else 'running' end,
         ended_at = null, plan_at = ?, revision = revision + 1 where dag_id = ? and run_id = ?`,
      now,
      dagId,
      runId,
    );
    await saveEvents(
      queries,
      others.map(({ taskId, mapIndex, tryNumber }) => {
        const about = { dagId, runId, taskId, mapIndex, tryNumber, owner };
        return { at: now, name: `task.set_${state}`, ...about };
      }),
    );
    return others;
  }, true);
  await database.notify();
  return changed;
}

/** Writes a note on instances of a run; null takes it away. */
export async function setNotes(
  database: Database,
  change: {
    readonly run: RunKey;
    readonly note: string | null;
    readonly chosen: (instance: InstanceRow) => boolean;
  },
): Promise<void> {
  const { run, note, chosen } = change;
  await database.transaction(async (queries) => {
    for (const it of (await listInstances(queries, run)).filter(chosen)) {
      await queries.run(
        `update task_instance set note = ?
         where dag_id = ? and run_id = ? and task_id = ? and map_index = ?`,
        note,
        it.dagId,
        it.runId,
        it.taskId,
        it.mapIndex,
      );
    }
  });
}
