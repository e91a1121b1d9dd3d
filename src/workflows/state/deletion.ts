import type { Database, Queries } from "#sql/database.ts";
import { saveEvents } from "./events.ts";
import type { InstanceKey } from "./instances.ts";
import type { RunKey } from "./runs.ts";

export type Deletion = "deleted" | "unknown" | "busy";

/** What is stored about runs, by table. */
const runTables = [
  "output",
  "run_asset_event",
  "callback",
  "deadline",
  "approval",
  "task_instance",
  "dag_run",
] as const;

/**
 * Deletes a DAG with all that was stored of it: versions, runs, outputs. It comes back when its file
 * is read again. `busy` while tasks of it run.
 */
export async function deleteDag(
  database: Database,
  of: { readonly dagId: string; readonly owner?: string },
  now: number,
): Promise<Deletion> {
  const { dagId, owner } = of;
  const outcome = await database.transaction(async (queries): Promise<Deletion> => {
    const active = await queries.rows(
      "select 1 as one from task_instance where dag_id = ? and state in ('queued', 'running') limit 1",
      dagId,
    );
    if (active.length > 0) return "busy";
    const deleted = await queries.run("delete from dag where dag_id = ?", dagId);
    if (deleted === 0) return "unknown";
    for (const table of [
      ...runTables,
      "dag_version",
      "asset_consumer",
      "asset_producer",
      "asset_reader",
      "asset_queue",
      "asset_alias_consumer",
      "timetable_question",
      "favorite",
    ]) {
      await queries.run(`delete from ${table} where dag_id = ?`, dagId);
    }
    await saveEvents(queries, [{ at: now, name: "dag.deleted", dagId, owner }]);
    return "deleted";
  }, true);
  await database.notify();
  return outcome;
}

/** Deletes a run with its instances and outputs. `busy` while it has not ended. */
export async function deleteRun(
  database: Database,
  key: RunKey & { readonly owner?: string },
  now: number,
): Promise<Deletion> {
  const { dagId, runId, owner } = key;
  const outcome = await database.transaction(async (queries): Promise<Deletion> => {
    const [run] = await queries.rows(
      "select state from dag_run where dag_id = ? and run_id = ?",
      dagId,
      runId,
    );
    if (run === undefined) return "unknown";
    if (run["state"] === "running") return "busy";
    await deleteRunRows(queries, key);
    await saveEvents(queries, [{ at: now, name: "run.deleted", dagId, runId, owner }]);
    return "deleted";
  }, true);
  await database.notify();
  return outcome;
}

/** Deletes one task instance with its outputs; the run goes on without it. False when there is none. */
export async function deleteInstance(
  database: Database,
  key: InstanceKey & { readonly owner?: string },
  now: number,
): Promise<boolean> {
  const { dagId, runId, taskId, mapIndex, owner } = key;
  const where = "where dag_id = ? and run_id = ? and task_id = ? and map_index = ?";
  const found = await database.transaction(async (queries) => {
    const deleted = await queries.run(
      `delete from task_instance ${where}`,
      ...[dagId, runId, taskId, mapIndex],
    );
    if (deleted === 0) return false;
    for (const table of ["output", "approval", "callback"]) {
      await queries.run(`delete from ${table} ${where}`, dagId, runId, taskId, mapIndex);
    }
    await queries.run(
      "update dag_run set plan_at = ?, revision = revision + 1 where dag_id = ? and run_id = ?",
      now,
      dagId,
      runId,
    );
    const about = { dagId, runId, taskId, mapIndex, owner };
    await saveEvents(queries, [{ at: now, name: "task.deleted", ...about }]);
    return true;
  }, true);
  await database.notify();
  return found;
}

async function deleteRunRows(queries: Queries, { dagId, runId }: RunKey): Promise<void> {
  for (const table of runTables) {
    await queries.run(`delete from ${table} where dag_id = ? and run_id = ?`, dagId, runId);
  }
}
