import { nextRun, timePart } from "#dag/timetable/timetable.ts";
import { deleteDag, deleteRun, type Deletion } from "#workflows/state/deletion.ts";
import { listDeadlines } from "#workflows/state/deadlines.ts";
import { findVersion } from "#workflows/state/dags.ts";
import { requireDag, type Form } from "./dags.ts";
import { requireInstance, requireRun } from "./find-run.ts";
import { formatRows } from "./output.ts";
import { when, type VerbSession } from "./session.ts";

/** All that is known of a run. */
export async function runsShow(
  session: VerbSession,
  dagId: string,
  runId: string,
  { output }: Form,
): Promise<void> {
  const run = await requireRun(session, dagId, runId);
  const fields = {
    dag_id: run.dagId,
    run_id: run.runId,
    state: run.state,
    run_type: run.runType,
    version: run.version,
    logical_date: when(run.logicalDate),
    data_interval_start: when(run.intervalStart),
    data_interval_end: when(run.intervalEnd),
    run_after: when(run.runAfter),
    queued_at: when(run.queuedAt),
    start_date: when(run.startedAt),
    end_date: when(run.endedAt),
    conf: { ...run.conf },
    note: run.note ?? null,
  };
  const rows =
    output === "json" || output === "yaml"
      ? [fields]
      : Object.entries(fields).map(([property, value]) => ({ property, value: value ?? null }));
  session.out(formatRows(rows, output));
}

/** The deadlines of a DAG's runs, and which were missed. */
export async function dagsDeadlines(
  session: VerbSession,
  dagId: string,
  { runId, output }: Form & { readonly runId?: string },
): Promise<void> {
  await requireDag(session, dagId);
  const rows = (await listDeadlines(session.database, { dagId, runId })).map((it) => ({
    run_id: it.runId,
    deadline: it.name ?? String(it.position),
    deadline_time: when(it.dueAt),
    missed: it.missedAt !== undefined,
    missed_at: when(it.missedAt),
  }));
  session.out(formatRows(rows, output));
}

export async function runsDelete(
  session: VerbSession,
  dagId: string,
  runId: string,
): Promise<void> {
  const outcome = await deleteRun(session.database, { dagId, runId }, session.clock.now());
  refuse(outcome, `run ${runId} of DAG ${dagId}`, "is running: wait for its end");
  session.out(`Deleted run ${runId} of ${dagId}\n`);
}

/** Takes a DAG away with all its runs; it comes back when its file is read again. */
export async function dagsDelete(session: VerbSession, dagId: string): Promise<void> {
  const outcome = await deleteDag(session.database, { dagId }, session.clock.now());
  refuse(outcome, `DAG ${dagId}`, "has tasks that run: pause it, and wait for their end");
  session.out(`Deleted DAG ${dagId}; its file brings it back unless that is gone\n`);
}

function refuse(outcome: Deletion, what: string, busy: string): void {
  if (outcome === "busy") throw new Error(`${what} ${busy}`);
  if (outcome === "unknown") throw new Error(`there is no ${what}`);
}

/** When the schedule asks for the next runs, whether paused or not; Airflow's `next-execution`. */
export async function dagsNextExecution(
  session: VerbSession,
  dagId: string,
  count: number,
): Promise<void> {
  const dag = await requireDag(session, dagId);
  const version = await findVersion(session.database, dagId, dag.version);
  let last = dag.last;
  for (let left = count; left > 0; left -= 1) {
    const { schedule, startDate, endDate, catchup } = version?.model ?? {
      schedule: { kind: "none" as const },
      startDate: undefined,
      endDate: undefined,
      catchup: false,
    };
    const now = session.clock.now();
    const limits = { earliest: startDate, latest: endDate, catchup: catchup || last !== dag.last };
    // What a timetable of the file says is known for one run ahead.
    const isCustom = timePart(schedule).kind === "custom" && last === dag.last;
    const next = isCustom ? dag.next : nextRun(schedule, { last, now, ...limits });
    session.out(`${next === undefined ? "None" : (when(next.interval.start) ?? "")}\n`);
    if (next === undefined) return;
    last = next.interval;
  }
}

/** The state of one task in a run. */
export async function tasksState(
  session: VerbSession,
  key: { readonly dagId: string; readonly runId: string; readonly taskId: string },
  mapIndex: number,
): Promise<void> {
  const instance = await requireInstance(session, { ...key, mapIndex });
  session.out(`${instance.state ?? "None"}\n`);
}
