import type { JsonObject } from "#api/object.ts";
import { maybeText, numberOf } from "#sql/columns.ts";
import type { Row } from "#sql/database.ts";
import { instanceRow, type InstanceKey } from "#workflows/state/instances.ts";
import { versionShape } from "./dags.ts";
import { duration, moment, uuidFor } from "./values.ts";

/** The tables and columns that {@link instanceShape} needs. */
export const instanceTables = `task_instance
  join dag_run on dag_run.dag_id = task_instance.dag_id and dag_run.run_id = task_instance.run_id
  left join dag_version on dag_version.dag_id = dag_run.dag_id and dag_version.number = dag_run.version`;
export const instanceColumns = `task_instance.*, dag_run.logical_date as logical_date,
  dag_run.run_after as run_after, dag_run.version as version, dag_version.bundle as bundle,
  dag_version.created_at as version_created_at`;

/** Airflow's id of an instance, made of its name. */
export function instanceId({ dagId, runId, taskId, mapIndex }: InstanceKey): string {
  return uuidFor(JSON.stringify([dagId, runId, taskId, mapIndex]));
}

/** A row of {@link instanceColumns} as `TaskInstanceResponse`. */
export function instanceShape(row: Row): JsonObject {
  const it = instanceRow(row);
  const { mapIndex } = it;
  return {
    id: instanceId(it),
    ...trialShape(row),
    logical_date: moment(numberOf(row, "logical_date")),
    run_after: moment(numberOf(row, "run_after")),
    note: maybeText(row, "note") ?? null,
    rendered_map_index: mapIndex < 0 ? null : String(mapIndex),
    rendered_fields: {},
    trigger: null,
    triggerer_job: null,
  };
}

/** What a task instance and one of its former tries have in common: `TaskInstanceHistoryResponse`. */
export function trialShape(row: Row): JsonObject {
  const it = instanceRow(row);
  const bundle = maybeText(row, "bundle");
  return {
    task_id: it.taskId,
    dag_id: it.dagId,
    dag_run_id: it.runId,
    map_index: it.mapIndex,
    start_date: moment(it.startedAt),
    end_date: moment(it.endedAt),
    duration: duration(it.startedAt, it.endedAt),
    state: it.state,
    try_number: it.tryNumber,
    max_tries: it.maxTries,
    task_display_name: it.taskId,
    dag_display_name: it.dagId,
    hostname: it.host ?? null,
    unixname: null,
    pool: it.pool,
    pool_slots: it.poolSlots,
    queue: it.queue,
    priority_weight: it.weight,
    operator: it.operator,
    operator_name: it.operator,
    queued_when: moment(it.queuedAt),
    scheduled_when: moment(it.scheduledAt),
    pid: it.pid ?? null,
    executor: it.executor ?? null,
    executor_config: "{}",
    dag_version:
      bundle === undefined
        ? null
        : versionShape({
            dagId: it.dagId,
            number: numberOf(row, "version"),
            bundle,
            createdAt: numberOf(row, "version_created_at"),
          }),
  };
}
