import { findDag } from "#workflows/state/dags.ts";
import { runningCounts, runsToPlan, type RunKey } from "#workflows/state/runs.ts";
import type { Turn } from "./turn-context.ts";

/** Most waiting runs that are looked at in one turn. */
const runsPerTurnMax = 500;

/**
 * Starts runs that wait, as far as their DAGs' limits allow, the earliest due first.
 * @returns those that were started.
 */
export async function startQueuedRuns(turn: Turn): Promise<readonly RunKey[]> {
  const { queries, now, records } = turn;
  const waiting = await runsToPlan(queries, "queued", now, runsPerTurnMax);
  if (waiting.length === 0) return [];
  const running = await runningCounts(queries);
  const started: RunKey[] = [];
  for (const run of waiting) {
    const record = await records.get(queries, run);
    if (record === undefined) continue;
    const count = running.get(run.dagId) ?? 0;
    const dag = await findDag(queries, run.dagId);
    if (count >= record.model.maxActiveRuns || dag?.paused === true) {
      // The end of another run, or the DAG's going on, has it looked at again.
      record.setRun({ planAt: undefined });
      continue;
    }
    running.set(run.dagId, count + 1);
    for (const task of record.model.tasks) {
      if (!record.has(task.id)) record.add(task.id, -1);
    }
    record.setRun({ state: "running", startedAt: now, planAt: undefined });
    turn.events.push({ at: now, name: "run.started", dagId: run.dagId, runId: run.runId });
    started.push(run);
  }
  return started;
}
