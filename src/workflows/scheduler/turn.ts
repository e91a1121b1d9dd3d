import { dueDags, nextDue } from "#workflows/state/dags.ts";
import { saveCallbacks } from "#workflows/state/callbacks.ts";
import { saveEvents } from "#workflows/state/events.ts";
import type { InstanceRow } from "#workflows/state/instances.ts";
import { addScheduler, touchScheduler } from "#workflows/state/jobs.ts";
import { saveOutputs } from "#workflows/state/outputs.ts";
import { nextDeadline } from "#workflows/state/deadlines.ts";
import { nextPlan, runsToPlan, type RunKey } from "#workflows/state/runs.ts";
import { goOnAfterRuns } from "./after-runs.ts";
import { createAssetRuns } from "./asset-runs.ts";
import { createDueRuns } from "./create-runs.ts";
import { advanceRun } from "./advance-run.ts";
import { applyResult } from "./apply-result.ts";
import { missDeadlines } from "./deadlines.ts";
import { reclaim } from "./reclaim.ts";
import { queueInstances } from "./queue-instances.ts";
import type { RunRecord } from "./run-record.ts";
import { startQueuedRuns } from "./start-runs.ts";
import type { Ended, Turn } from "./turn-context.ts";

/** Most runs that are planned in one turn because their moment has come. */
const runsPerTurnMax = 100;
/** Most waiting runs that are looked at in one turn. */
const waitingPerTurnMax = 500;
/** Most DAGs for which runs are made in one turn. */
const dagsPerTurnMax = 50;

export interface TurnResult {
  /** Instances that were given to this scheduler's executors. */
  readonly started: readonly { readonly record: RunRecord; readonly instance: InstanceRow }[];
  /** Runs that have come to their end. */
  readonly finished: readonly RunRecord[];
  /** Attempts that are to be ended: their instances have been decided about. */
  readonly stopped: readonly { readonly attempt: string; readonly reason: string }[];
  /** Callbacks have been stored that are to be called. */
  readonly hasCallbacks: boolean;
  /** When the next turn is due though nothing happened; undefined: never. */
  readonly wakeAt: number | undefined;
}

/** What a turn is given. */
export interface TurnInput {
  readonly ended: readonly Ended[];
  /** How many jobs each executor takes. */
  readonly free: ReadonlyMap<string, number>;
  /**
   * After a turn of which nobody knows whether it was stored: the attempts that the executors have.
   * What the database says beyond that was started by that turn, and never reached an executor.
   */
  readonly known: ReadonlySet<string> | undefined;
}

/**
 * One turn of the scheduler: takes the results of tasks, makes runs that are due, decides what
 * follows from the states, and gives tasks to the executors as far as there is room.
 */
export async function takeTurn(turn: Turn, input: TurnInput): Promise<TurnResult> {
  const { queries, now, records } = turn;
  // Statements that do not need each other's answers are on their way together.
  const [due, waiting, planned] = await Promise.all([
    dueDags(queries, now, dagsPerTurnMax),
    runsToPlan(queries, "queued", now, waitingPerTurnMax),
    runsToPlan(queries, "running", now, runsPerTurnMax),
    records.check(queries, input.ended),
    showLife(turn),
  ]);
  const dirty = new Map<string, RunKey>();
  const mark = (key: RunKey): unknown => dirty.set(`${key.dagId} ${key.runId}`, key);
  if (input.known !== undefined) for (const it of await reclaim(turn, input.known)) mark(it);
  for (const it of input.ended) {
    await applyResult(turn, it);
    mark(it);
  }
  if (turn.outputs.length > 0) await saveOutputs(queries, turn.outputs, now);
  await createAssetRuns(turn);
  await createDueRuns(turn, due);
  for (const run of await startQueuedRuns(turn, waiting)) mark(run);
  for (const record of await records.take(queries, planned)) mark(record.run);
  const finished: RunRecord[] = [];
  const stopped: { readonly attempt: string; readonly reason: string }[] = [];
  for (const key of dirty.values()) {
    const record = await records.get(queries, key);
    if (record?.run.state !== "running") continue;
    const advanced = await advanceRun(turn, record);
    stopped.push(...advanced.stopped);
    if (advanced.finished) finished.push(record);
  }
  await goOnAfterRuns(turn, finished);
  await missDeadlines(turn);
  const started = await queueInstances(turn, input.free);
  const writes = [
    records.commit(queries),
    saveEvents(queries, turn.events),
    saveCallbacks(queries, turn.callbacks),
  ];
  const [nextRunAt, nextPlanAt, nextDeadlineAt] = await Promise.all([
    nextDue(queries),
    nextPlan(queries),
    nextDeadline(queries),
    ...writes,
  ]);
  const wake = [nextRunAt, nextPlanAt, nextDeadlineAt].filter((it) => it !== undefined);
  const wakeAt = wake.length === 0 ? undefined : Math.min(...wake);
  return { started, finished, stopped, hasCallbacks: turn.callbacks.length > 0, wakeAt };
}

/**
 * A scheduler that was silent for long may have been taken for dead. It must be known again before it
 * starts anything, or nobody would take that over from it.
 */
async function showLife({ queries, owner, host, pid, now }: Turn): Promise<void> {
  if (await touchScheduler(queries, owner, now)) return;
  await addScheduler(queries, { id: owner, host, pid, startedAt: now, seenAt: now });
}
