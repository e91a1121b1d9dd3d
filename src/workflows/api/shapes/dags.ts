import { join } from "node:path";
import type { Json, JsonObject } from "#api/object.ts";
import type { DagModel } from "#dag/model/model.ts";
import type { DagRow, DagVersion } from "#workflows/state/dags.ts";
import { isoDuration, moment, uuidFor } from "./values.ts";
import { isPeriodic } from "#dag/timetable/between.ts";

/** The one bundle that there is, under the name of Airflow's default. */
export const bundleName = "dags-folder";

/** A DAG as `DAGResponse`. */
export function dagShape(
  dag: DagRow,
  version: DagVersion | undefined,
  at: { readonly dagsFolder: string; readonly hasImportErrors: boolean },
): JsonObject {
  const { next } = dag;
  const model = version?.model;
  return {
    dag_id: dag.dagId,
    dag_display_name: dag.dagId,
    is_paused: dag.paused,
    is_stale: !dag.active,
    last_parsed_time: moment(dag.parsedAt),
    last_parse_duration: null,
    last_expired: null,
    bundle_name: bundleName,
    bundle_version: version?.bundle ?? null,
    relative_fileloc: dag.file,
    fileloc: join(at.dagsFolder, dag.file),
    description: dag.description ?? null,
    timetable_summary: dag.schedule,
    timetable_description: dag.schedule,
    timetable_partitioned: false,
    timetable_periodic: model !== undefined && isPeriodic(model.schedule),
    tags: dag.tags.map((name) => ({ name, dag_id: dag.dagId, dag_display_name: dag.dagId })),
    max_active_tasks: model?.maxActiveTasks ?? 0,
    max_active_runs: dag.maxActiveRuns,
    max_consecutive_failed_dag_runs: model?.maxConsecutiveFailedRuns ?? 0,
    has_task_concurrency_limits: hasTaskLimits(model),
    has_import_errors: at.hasImportErrors,
    next_dagrun_logical_date: moment(next?.interval.start),
    next_dagrun_data_interval_start: moment(next?.interval.start),
    next_dagrun_data_interval_end: moment(next?.interval.end),
    next_dagrun_run_after: moment(next?.runAfter),
    allowed_run_types: null,
    owners: [...dag.owners],
    is_backfillable: model !== undefined && isPeriodic(model.schedule),
    file_token: Buffer.from(dag.file).toString("base64url"),
  };
}

/** The file that a `file_token` names, below the folder of DAGs. */
export function fileOf(token: string): string {
  return Buffer.from(token, "base64url").toString("utf8");
}

function hasTaskLimits(model: DagModel | undefined): boolean {
  return (model?.tasks ?? []).some(
    (it) => it.maxActivePerDag !== undefined || it.maxActivePerRun !== undefined,
  );
}

/** What `DAGDetailsResponse` has beyond {@link dagShape}. */
export function dagDetails(
  dag: DagRow,
  model: DagModel | undefined,
  about: {
    readonly activeRuns: number;
    readonly latest: Json;
    readonly isFavorite: boolean;
  },
): JsonObject {
  return {
    catchup: model?.catchup ?? false,
    dag_run_timeout: isoDuration(model?.runTimeoutMs),
    asset_expression: null,
    doc_md: model?.doc ?? null,
    start_date: moment(model?.startDate),
    end_date: moment(model?.endDate),
    is_paused_upon_creation: model?.pausedUponCreation ?? null,
    params: paramsShape(model),
    render_template_as_native_obj: false,
    template_search_path: null,
    timezone: model?.timeZone ?? "UTC",
    last_parsed: moment(dag.parsedAt),
    default_args: null,
    rerun_with_latest_version: null,
    owner_links: null,
    is_favorite: about.isFavorite,
    active_runs_count: about.activeRuns,
    concurrency: model?.maxActiveTasks ?? 0,
    latest_dag_version: about.latest,
  };
}

/** Declared parameters as Airflow dumps them. */
function paramsShape(model: DagModel | undefined): JsonObject {
  const entries = Object.entries(model?.params ?? {}).map(([name, it]) => [
    name,
    { value: it.default ?? null, schema: it.schema, description: it.schema["description"] ?? null },
  ]);
  return Object.fromEntries(entries) as JsonObject;
}

/** A version as `DagVersionResponse`. */
export function versionShape(it: {
  readonly dagId: string;
  readonly number: number;
  readonly bundle: string;
  readonly createdAt: number;
}): JsonObject {
  return {
    id: uuidFor(`dag version ${it.number} ${it.dagId}`),
    version_number: it.number,
    dag_id: it.dagId,
    bundle_name: bundleName,
    bundle_version: it.bundle,
    created_at: moment(it.createdAt),
    dag_display_name: it.dagId,
    bundle_url: null,
  };
}
