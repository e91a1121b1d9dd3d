import { nextRun } from "#dag/timetable/timetable.ts";
import { placeholders, type Queries } from "#sql/database.ts";
import { maybeText } from "#sql/columns.ts";
import { findVersion } from "#workflows/state/dags.ts";
import { findRun, type RunKey } from "#workflows/state/runs.ts";
import type { Question } from "#workflows/worker/protocol.ts";

/** The states of a DAG's runs at logical dates, or of one task in them; fewer when some are missing. */
export async function statesAt(
  queries: Queries,
  { dagId, taskId, logicalDates }: Extract<Question, { readonly kind: "states" }>,
): Promise<readonly (string | null)[]> {
  const dates = placeholders(1, logicalDates.length);
  const rows =
    taskId === undefined
      ? await queries.rows(
          `select state from dag_run where dag_id = ? and logical_date in ${dates}`,
          dagId,
          ...logicalDates,
        )
      : await queries.rows(
          `select i.state from dag_run r join task_instance i
             on i.dag_id = r.dag_id and i.run_id = r.run_id
           where r.dag_id = ? and i.task_id = ? and r.logical_date in ${dates}`,
          dagId,
          taskId,
          ...logicalDates,
        );
  return rows.map((row) => maybeText(row, "state") ?? null);
}

/** Whether by now the schedule asks for no run after this one. */
export async function isLatest(queries: Queries, key: RunKey, now: number): Promise<boolean> {
  const run = await findRun(queries, key);
  const version = run && (await findVersion(queries, run.dagId, run.version));
  if (run === undefined || version === undefined) return true;
  const { schedule, startDate, endDate } = version.model;
  const next = nextRun(schedule, {
    last: { start: run.intervalStart, end: run.intervalEnd },
    earliest: startDate,
    latest: endDate,
    catchup: true,
    now,
  });
  return next === undefined || next.runAfter > now;
}
