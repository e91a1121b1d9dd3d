import { formatMoment } from "#dag/timetable/moment.ts";
import { nextRun, timePart } from "#dag/timetable/timetable.ts";
import { findVersion, setNext, type DagRow } from "#workflows/state/dags.ts";
import { saveQuestion } from "#workflows/state/timetable-questions.ts";
import { createRun } from "./create-run.ts";
import type { Turn } from "./turn-context.ts";

/** Makes the runs of DAGs whose time has come, by schedule. */
export async function createDueRuns(turn: Turn, due: readonly DagRow[]): Promise<void> {
  for (const dag of due) await createDueRun(turn, dag);
}

async function createDueRun(turn: Turn, dag: DagRow): Promise<void> {
  const { queries, now } = turn;
  const version = await findVersion(queries, dag.dagId, dag.version);
  if (version === undefined) return;
  const { schedule, startDate, endDate, catchup } = version.model;
  const limits = { earliest: startDate, latest: endDate, catchup, now };
  if (await isFull(turn, dag)) {
    // It is looked at again when one of its runs ends.
    await setNext(queries, dag.dagId, undefined, dag.last);
    return;
  }
  // Without catchup it may be another one by now than the one that was planned.
  const isCustom = timePart(schedule).kind === "custom";
  const due = isCustom ? dag.next : nextRun(schedule, { ...limits, last: dag.last });
  if (due === undefined || due.runAfter > now) {
    await setNext(queries, dag.dagId, due, dag.last);
    return;
  }
  const run = {
    dagId: dag.dagId,
    runId: `scheduled__${formatMoment(due.interval.start)}`,
    version: dag.version,
    runType: "scheduled" as const,
    logicalDate: due.interval.start,
    interval: due.interval,
    runAfter: due.runAfter,
    conf: {},
    now,
  };
  if (await createRun(queries, version.model, run)) {
    turn.events.push({ at: now, name: "run.created", dagId: run.dagId, runId: run.runId });
  }
  const next = nextRun(schedule, { ...limits, last: due.interval });
  await setNext(queries, dag.dagId, next, due.interval);
  if (isCustom) await saveQuestion(queries, dag.dagId, now);
}

/** Whether the DAG has as many runs as may be active, those that wait for that included. */
async function isFull({ queries }: Turn, dag: DagRow): Promise<boolean> {
  const [row] = await queries.rows(
    "select count(*) as count from dag_run where dag_id = ? and state in ('queued', 'running') and backfill is null",
    dag.dagId,
  );
  return Number(row?.["count"] ?? 0) >= dag.maxActiveRuns;
}

/** Plans the next run of a DAG whose file or state changed. */
export async function replanDag(
  turn: Pick<Turn, "queries" | "now"> & Partial<Pick<Turn, "records">>,
  dag: DagRow,
): Promise<void> {
  const version =
    turn.records?.version(dag) ?? (await findVersion(turn.queries, dag.dagId, dag.version));
  if (version === undefined) return;
  const { schedule, startDate, endDate, catchup } = version.model;
  const next = nextRun(schedule, {
    last: dag.last,
    earliest: startDate,
    latest: endDate,
    catchup,
    now: turn.now,
  });
  if (next !== undefined || dag.next !== undefined) {
    await setNext(turn.queries, dag.dagId, next, dag.last);
  }
  if (timePart(schedule).kind === "custom") {
    await saveQuestion(turn.queries, dag.dagId, turn.now);
  }
}
