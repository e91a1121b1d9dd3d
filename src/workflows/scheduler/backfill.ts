import type { DagModel } from "#dag/model/model.ts";
import type { RunState } from "#dag/model/states.ts";
import { isPeriodic, runsBetween } from "#dag/timetable/between.ts";
import { formatMoment } from "#dag/timetable/moment.ts";
import type { RunTime } from "#dag/timetable/timetable.ts";
import type { Database, Queries } from "#sql/database.ts";
import {
  findBackfills,
  insertBackfill,
  listBackfills,
  type BackfillRow,
  type NewBackfill,
  type Reprocess,
} from "#workflows/state/backfills.ts";
import { findDag, findVersion } from "#workflows/state/dags.ts";
import { saveEvents } from "#workflows/state/events.ts";
import { createRun } from "./create-run.ts";
import { runRow, wakeQueuedRuns, type RunRow } from "#workflows/state/runs.ts";
import { clearInTransaction, requeueRun } from "./clear-instances.ts";
import { checkParams } from "#dag/params/check.ts";

/** Most runs of one backfill. */
const runsMax = 10_000;

/** The order of a backfill. */
export interface BackfillRequest extends Omit<NewBackfill, "createdAt"> {
  /** Says only what would be done. */
  readonly dryRun: boolean;
}

/** What a backfill does about one date. */
export interface BackfillDate {
  readonly time: RunTime;
  /** `skip`: there is a run already, and `reprocess` leaves it alone. */
  readonly action: "create" | "again" | "skip";
  readonly run: RunRow | undefined;
}

/** What is to be done about a date, by the run that it has. As Airflow's `_handle_clear_run`. */
export function backfillAction(
  state: RunState | undefined,
  reprocess: Reprocess,
): BackfillDate["action"] {
  if (state === undefined) return "create";
  if (state === "failed") return reprocess === "none" ? "skip" : "again";
  return state === "success" && reprocess === "completed" ? "again" : "skip";
}

/**
 * Orders runs of past dates. @returns its id, undefined for a dry run, and what is done about each date.
 * @throws {Error} when it cannot be, with the cause.
 */
export async function createBackfill(
  database: Database,
  request: BackfillRequest,
  now: number,
): Promise<{ readonly id: number | undefined; readonly dates: readonly BackfillDate[] }> {
  const { dagId, dryRun } = request;
  const created = await database.transaction(async (queries) => {
    const dag = await findDag(queries, dagId);
    const version = dag && (await findVersion(queries, dagId, dag.version));
    if (dag?.active !== true || version === undefined) {
      throw new Error(`there is no DAG '${dagId}': gantry dags list shows those there are`);
    }
    checkRequest(version.model, request);
    const dates = await datesOf(queries, version.model, request, now);
    if (dryRun) return { id: undefined, dates };
    const others = await listBackfills(queries, dagId, 100);
    const open = others.find((it) => it.completedAt === undefined);
    if (open !== undefined) {
      throw new Error(`backfill ${open.id} of ${dagId} goes on: gantry backfill cancel ${open.id}`);
    }
    const id = await insertBackfill(queries, { ...request, createdAt: now });
    for (const date of dates)
      await order(queries, { id, version: dag.version, model: version.model, request, date }, now);
    await saveEvents(queries, [{ at: now, name: "backfill.created", dagId, extra: String(id) }]);
    return { id, dates };
  }, true);
  if (!dryRun) await database.notify();
  return created;
}

function checkRequest(
  model: DagModel,
  { from, to, backwards, conf, maxActiveRuns }: BackfillRequest,
): void {
  if (!isPeriodic(model.schedule)) {
    throw new Error(`DAG ${model.id} has no dates to make up for: its schedule is not periodic`);
  }
  if (from > to) throw new Error("the first date of a backfill must not be after the last");
  if (maxActiveRuns < 1) throw new Error("a backfill needs at least one active run at a time");
  if (backwards && model.tasks.some((it) => it.dependsOnPast)) {
    throw new Error(`tasks of ${model.id} depend on the past, so it cannot be filled backwards`);
  }
  checkParams(model.params, conf);
}

async function datesOf(
  queries: Queries,
  model: DagModel,
  { from, to, backwards, reprocess }: BackfillRequest,
  now: number,
): Promise<readonly BackfillDate[]> {
  const times = runsBetween(model.schedule, { from, to, now }, runsMax + 1);
  if (times.length > runsMax) throw new Error(`a backfill makes at most ${runsMax} runs`);
  const rows = await queries.rows(
    `select * from dag_run where dag_id = ? and logical_date between ? and ?
     order by logical_date, queued_at`,
    model.id,
    from,
    to,
  );
  const newest = new Map(rows.map(runRow).map((it) => [it.logicalDate, it]));
  const dates = times.map((time) => {
    const run = newest.get(time.interval.start);
    return { time, run, action: backfillAction(run?.state, reprocess) };
  });
  return backwards ? dates.reverse() : dates;
}

async function order(
  queries: Queries,
  given: {
    readonly id: number;
    readonly version: number;
    readonly model: DagModel;
    readonly request: BackfillRequest;
    readonly date: BackfillDate;
  },
  now: number,
): Promise<void> {
  const { id, version, model, request, date } = given;
  const { dagId, conf } = request;
  const { interval, runAfter } = date.time;
  if (date.action === "create") {
    const runId = `backfill__${formatMoment(interval.start)}`;
    const logicalDate = interval.start;
    const about = { version, runType: "backfill", backfill: id } as const;
    const run = { dagId, runId, ...about, logicalDate, interval, runAfter, conf, now };
    if (await createRun(queries, model, run)) {
      await saveEvents(queries, [{ at: now, name: "run.created", dagId, runId }]);
    }
  } else if (date.action === "again" && date.run !== undefined) {
    const all = { upstream: false, downstream: false, onlyFailed: false, onlyRunning: false };
    const choice = { tasks: undefined, ...all };
    await clearInTransaction(queries, { run: date.run, choice, dryRun: false }, now);
    // Also one of which nothing had begun.
    await requeueRun(queries, date.run, now);
    await queries.run(
      "update dag_run set backfill = ? where dag_id = ? and run_id = ?",
      id,
      dagId,
      date.run.runId,
    );
  }
}

/** @throws {Error} when there is no such backfill, or it has ended. */
async function changeOpen(
  database: Database,
  id: number,
  change: (queries: Queries, backfill: BackfillRow) => Promise<void>,
): Promise<void> {
  await database.transaction(async (queries) => {
    const backfill = (await findBackfills(queries, [id])).get(id);
    if (backfill === undefined) {
      throw new Error(`there is no backfill ${id}: gantry backfill list shows those there are`);
    }
    if (backfill.cancelledAt !== undefined) throw new Error(`backfill ${id} was cancelled`);
    await change(queries, backfill);
  }, true);
  await database.notify();
}

/** Runs of a paused backfill are not started; those that run go on. */
export async function pauseBackfill(
  database: Database,
  id: number,
  paused: boolean,
): Promise<void> {
  await changeOpen(database, id, async (queries, { dagId }) => {
    await queries.run("update backfill set paused = ? where id = ?", paused ? 1 : 0, id);
    await wakeQueuedRuns(queries, dagId);
  });
}

/** Its runs that wait have failed; those that run go on. */
export async function cancelBackfill(database: Database, id: number, now: number): Promise<void> {
  await changeOpen(database, id, async (queries, { dagId }) => {
    await queries.run("update backfill set cancelled_at = ? where id = ?", now, id);
    await queries.run(
      `update dag_run set state = 'failed', ended_at = ?, plan_at = null, revision = revision + 1
       where backfill = ? and state = 'queued'`,
      now,
      id,
    );
    await saveEvents(queries, [{ at: now, name: "backfill.cancelled", dagId, extra: String(id) }]);
  });
}
