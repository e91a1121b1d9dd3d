import { wakeLaterRuns, wakeQueuedRuns, type RunRow } from "#workflows/state/runs.ts";
import type { Turn } from "./turn-context.ts";

/** Has the running runs after this one looked at: they may have waited for its tasks. */
export async function wakeLater(turn: Turn, run: RunRow): Promise<void> {
  await wakeLaterRuns(turn.queries, run, turn.now);
  for (const record of turn.records.current()) {
    const other = record.run;
    if (other.dagId !== run.dagId || other.state !== "running") continue;
    if (other.logicalDate > run.logicalDate) record.setRun({ planAt: turn.now });
  }
}

/** Has the waiting runs of a DAG looked at: there may be room for one. */
export async function wakeQueued(turn: Turn, dagId: string): Promise<void> {
  await wakeQueuedRuns(turn.queries, dagId);
  for (const record of turn.records.current()) {
    const { run } = record;
    if (run.dagId === dagId && run.state === "queued" && run.planAt === undefined) {
      record.setRun({ planAt: run.runAfter });
    }
  }
}
