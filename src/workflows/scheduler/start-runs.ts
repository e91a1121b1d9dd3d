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
import { makeInstances } from "./turn-room.ts";
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
  return startAll(turn, await records.take(queries, chosen));
}

function startAll(turn: Turn, records: readonly RunRecord[]): readonly RunKey[] {
  const started: RunKey[] = [];
  for (const record of records) {
    // The next turn finds the others as they are.
    if (turn.room.instances <= 0) break;
    start(turn, record);
    started.push(record.run);
  }
  return started;
}

/** The end of another run, or the DAG's or backfill's going on, has it looked at again. */
async function park({ queries, records }: Turn, run: RunKey): Promise<void> {
  const record = records.seen(run);
  if (record === undefined) await parkRun(queries, run);
  else record.setRun({ planAt: undefined });
}

function start({ now, events, room }: Turn, record: RunRecord): void {
  record.setRun({ state: "running", startedAt: now, planAt: now, madeTasks: 0 });
  makeInstances(room, record);
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
