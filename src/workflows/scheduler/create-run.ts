import type { DagModel } from "#dag/model/model.ts";
import type { Queries } from "#sql/database.ts";
import { saveDeadlines } from "#workflows/state/deadlines.ts";
import { insertRun, type NewRun } from "#workflows/state/runs.ts";

/** Adds a run that waits to be started, with its deadlines. False when the DAG has one of that id. */
export async function createRun(queries: Queries, model: DagModel, run: NewRun): Promise<boolean> {
  const added = await insertRun(queries, run);
  if (added) await saveDeadlines(queries, model, run);
  return added;
}
