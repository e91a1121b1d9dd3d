import { findDag } from "#workflows/state/dags.ts";
import { runningCounts, type RunKey, type RunRow } from "#workflows/state/runs.ts";
import type { Turn } from "./turn-context.ts";

/**
 * Starts runs that wait, as far as their DAGs' limits allow. @param waiting the earliest due first.
 * @returns those that were started.
 */
export async function startQueuedRuns(
  turn: Turn,
  waiting: readonly RunRow[],
): Promise<readonly RunKey[]> {
  const { queries, now, records } = turn;
  if (waiting.length === 0) return [];
  const ids = [...new Set(waiting.map((it) => it.dagId))];
  const [running, dags, found] = await Promise.all([
    runningCounts(queries),
    Promise.all(ids.map((it) => findDag(queries, it))),
    Promise.all(waiting.map((it) => records.take(queries, it))),
  ]);
  const paused = new Set(dags.flatMap((it) => (it?.paused === true ? [it.dagId] : [])));
  const started: RunKey[] = [];
  for (const record of found) {
    const { run, model } = record;
    const count = running.get(run.dagId) ?? 0;
    if (count >= model.maxActiveRuns || paused.has(run.dagId)) {
      // The end of another run, or the DAG's going on, has it looked at again.
      record.setRun({ planAt: undefined });
      continue;
    }
    running.set(run.dagId, count + 1);
    for (const task of model.tasks) {
      if (!record.has(task.id)) record.add(task.id, -1);
    }
    record.setRun({ state: "running", startedAt: now, planAt: undefined });
    turn.events.push({ at: now, name: "run.started", dagId: run.dagId, runId: run.runId });
    started.push(run);
  }
  return started;
}
