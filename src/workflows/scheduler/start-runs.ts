import { findBackfills, type BackfillRow } from "#workflows/state/backfills.ts";
import { findDags } from "#workflows/state/dags.ts";
import {
  limitOf,
  parkRun,
  runningCounts,
  type RunKey,
  type RunRow,
} from "#workflows/state/runs.ts";
import type { RunRecord } from "./run-record.ts";
import type { Turn } from "./turn-context.ts";

/**
 * Starts runs that wait, as far as the limits of their DAGs and backfills allow.
 * @param waiting the earliest due first. @returns those that were started.
 */
export async function startQueuedRuns(
  turn: Turn,
  waiting: readonly RunRow[],
): Promise<readonly RunKey[]> {
  const { queries, records } = turn;
  if (waiting.length === 0) return [];
  const ids = [...new Set(waiting.map((it) => it.dagId))];
  const numbers = [...new Set(waiting.flatMap((it) => it.backfill ?? []))];
  const [running, backfills, rows] = await Promise.all([
    runningCounts(queries),
    findBackfills(queries, numbers),
    findDags(queries, ids),
  ]);
  const dags = new Map(rows.map((it) => [it.dagId, it]));
  const chosen: RunRow[] = [];
  for (const run of inOrder(waiting, backfills)) {
    const backfill = backfills.get(run.backfill ?? -1);
    const dag = dags.get(run.dagId);
    const count = running.get(limitOf(run)) ?? 0;
    const most = backfill?.maxActiveRuns ?? dag?.maxActiveRuns ?? 1;
    if (count < most && dag?.paused !== true && backfill?.paused !== true) {
      running.set(limitOf(run), count + 1);
      chosen.push(run);
      continue;
    }
    await park(turn, run);
  }
  for (const record of await records.take(queries, chosen)) start(turn, record);
  return chosen;
}

/** The end of another run, or the DAG's or backfill's going on, has it looked at again. */
async function park({ queries, records }: Turn, run: RunKey): Promise<void> {
  const record = records.seen(run);
  if (record === undefined) await parkRun(queries, run);
  else record.setRun({ planAt: undefined });
}

function start({ now, events }: Turn, record: RunRecord): void {
  for (const task of record.model.tasks) {
    if (!record.has(task.id)) record.add(task.id, -1);
  }
  record.setRun({ state: "running", startedAt: now, planAt: undefined });
  const { dagId, runId, runAfter: dueAt } = record.run;
  events.push({ at: now, name: "run.started", dagId, runId, measured: { dueAt } });
}

/** As they are due, but the newest first within a backfill that goes backwards. */
function inOrder(
  runs: readonly RunRow[],
  backfills: ReadonlyMap<number, BackfillRow>,
): readonly RunRow[] {
  const turned = new Set(runs.filter((it) => backfills.get(it.backfill ?? -1)?.backwards === true));
  const newestFirst = [...turned].sort((a, b) => b.logicalDate - a.logicalDate);
  return [...runs.filter((it) => !turned.has(it)), ...newestFirst];
}
