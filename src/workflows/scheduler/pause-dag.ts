import type { Database } from "#sql/database.ts";
import { findDag, setPaused } from "#workflows/state/dags.ts";
import { saveEvents } from "#workflows/state/events.ts";
import { wakeQueuedRuns } from "#workflows/state/runs.ts";
import { replanDag } from "./create-runs.ts";

/** Pauses or unpauses a DAG; what runs goes on, what waits is looked at again. */
export async function pauseDag(
  database: Database,
  change: { readonly dagId: string; readonly paused: boolean; readonly owner?: string },
  now: number,
): Promise<void> {
  const { dagId, paused, owner } = change;
  await database.transaction(async (queries) => {
    await setPaused(queries, dagId, paused);
    const name = paused ? "dag.paused" : "dag.unpaused";
    await saveEvents(queries, [{ at: now, name, dagId, owner }]);
    const dag = await findDag(queries, dagId);
    if (paused || dag === undefined) return;
    await replanDag({ queries, now }, dag);
    await wakeQueuedRuns(queries, dagId);
  }, true);
  await database.notify();
}
