import { findDags } from "#workflows/state/dags.ts";
import { replanDag } from "./create-runs.ts";
import type { RunRecord } from "./run-record.ts";
import type { Turn } from "./turn-context.ts";
import { wakeLater, wakeQueued } from "./wake-runs.ts";

/** What the ends of runs let others do, once for each DAG however many have ended. */
export async function goOnAfterRuns(turn: Turn, ended: readonly RunRecord[]): Promise<void> {
  if (ended.length === 0) return;
  const byVersion = Map.groupBy(ended, ({ run }) => `${run.dagId} ${run.version}`);
  for (const records of byVersion.values()) {
    const earliest = records.reduce((a, b) => (b.run.logicalDate < a.run.logicalDate ? b : a));
    await wakeLater(turn, earliest);
  }
  const ids = new Set(ended.map((it) => it.run.dagId));
  await wakeQueued(turn, ids);
  for (const dag of await findDags(turn.queries, [...ids])) {
    if (dag.next === undefined) await replanDag(turn, dag);
  }
}
