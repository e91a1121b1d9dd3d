import type { JsonObject } from "#api/object.ts";
import { maybeText, numberOf, textOf } from "#sql/columns.ts";
import type { Row } from "#sql/database.ts";
import { runRow } from "#workflows/state/runs.ts";
import { versionShape } from "./dags.ts";
import { duration, moment } from "./values.ts";

/** The tables and columns that {@link runShape} needs. */
export const runTables =
  "dag_run left join dag_version on dag_version.dag_id = dag_run.dag_id and dag_version.number = dag_run.version";
export const runColumns =
  "dag_run.*, dag_version.bundle as bundle, dag_version.created_at as version_created_at";

/** A row of {@link runColumns} as `DAGRunResponse`. */
export function runShape(row: Row): JsonObject {
  const run = runRow(row);
  const bundle = maybeText(row, "bundle");
  const { dagId, version } = run;
  return {
    dag_run_id: run.runId,
    dag_id: dagId,
    logical_date: moment(run.logicalDate),
    queued_at: moment(run.queuedAt),
    start_date: moment(run.startedAt),
    end_date: moment(run.endedAt),
    duration: duration(run.startedAt, run.endedAt),
    data_interval_start: moment(run.intervalStart),
    data_interval_end: moment(run.intervalEnd),
    run_after: moment(run.runAfter),
    last_scheduling_decision: null,
    run_type: run.runType,
    state: run.state,
    triggered_by: maybeText(row, "triggered_by") ?? triggeredBy(textOf(row, "run_type")),
    triggering_user_name: maybeText(row, "triggering_user") ?? null,
    conf: run.conf,
    note: run.note ?? null,
    dag_versions:
      bundle === undefined
        ? []
        : [
            versionShape({
              dagId,
              number: version,
              bundle,
              createdAt: numberOf(row, "version_created_at"),
            }),
          ],
    bundle_version: bundle ?? null,
    dag_display_name: dagId,
    partition_key: null,
    partition_date: null,
  };
}

/** Who makes runs of a type, where it was not written down. */
function triggeredBy(runType: string): string | null {
  if (runType === "scheduled") return "timetable";
  if (runType === "backfill") return "backfill";
  return runType === "asset_triggered" ? "asset" : null;
}
