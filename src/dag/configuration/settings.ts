import type { DagOptions, Param, TaskOptions } from "#dag/authoring/options.ts";
import { triggerRules, type TriggerRule, type WeightRule } from "#dag/model/model.ts";
import { readAssets, readInlets } from "./assets.ts";
import { isMapping, type Fields, type Node } from "./node.ts";
import {
  count,
  duration,
  flag,
  json,
  listOf,
  moment,
  number,
  oneOf,
  readFields,
  text,
  timeZone,
  typeName,
  type FieldReaders,
} from "./values.ts";

/** Names that Airflow 1 and 2 had. */
const oldRules: Readonly<Record<string, TriggerRule>> = {
  dummy: "always",
  none_failed_or_skipped: "none_failed_min_one_success",
};

function triggerRule(node: Node): TriggerRule {
  const old = typeof node.value === "string" ? oldRules[node.value] : undefined;
  return old ?? oneOf(triggerRules)(node);
}

const weightRules: readonly WeightRule[] = ["downstream", "upstream", "absolute"];

/** Settings of Airflow's tasks that change nothing here: they are about its pages or its workers. */
const withoutEffect = [
  "email",
  "email_on_failure",
  "email_on_retry",
  "sla",
  "resources",
  "run_as_user",
  "task_display_name",
  "wait_for_past_depends_before_skipping",
  "map_index_template",
  "ui_color",
  "ui_fgcolor",
  "logger_name",
  "start_date",
  "end_date",
] as const;

const ignored: FieldReaders = Object.fromEntries(
  withoutEffect.map((name) => [name, ["", () => undefined]]),
);

/** A task's settings: Airflow's names, and those of a TypeScript DAG. */
const taskReaders: FieldReaders = withCamelCase({
  owner: ["owner", text],
  retries: ["retries", count],
  retry_delay: ["retryDelay", duration],
  retry_delay_sec: ["retryDelay", number],
  retry_delay_seconds: ["retryDelay", number],
  retry_exponential_backoff: ["retryExponentialBackoff", flag],
  max_retry_delay: ["maxRetryDelay", duration],
  max_retry_delay_sec: ["maxRetryDelay", number],
  execution_timeout: ["executionTimeout", duration],
  execution_timeout_sec: ["executionTimeout", number],
  execution_timeout_secs: ["executionTimeout", number],
  trigger_rule: ["triggerRule", triggerRule],
  pool: ["pool", text],
  pool_slots: ["poolSlots", count],
  priority_weight: ["priorityWeight", number],
  weight_rule: ["weightRule", oneOf(weightRules)],
  queue: ["queue", text],
  executor: ["executor", text],
  executor_config: ["executorConfig", json],
  depends_on_past: ["dependsOnPast", flag],
  wait_for_downstream: ["waitForDownstream", flag],
  ignore_first_depends_on_past: ["ignoreFirstDependsOnPast", flag],
  max_active_tis_per_dag: ["maxActiveTisPerDag", count],
  task_concurrency: ["maxActiveTisPerDag", count],
  max_active_tis_per_dagrun: ["maxActiveTisPerDagrun", count],
  do_xcom_push: ["doXcomPush", flag],
  multiple_outputs: ["multipleOutputs", flag],
  doc: ["docMd", text],
  doc_md: ["docMd", text],
  outlets: ["outlets", readAssets],
  inlets: ["inlets", readInlets],
});

/** The names of a task's settings, for hints. */
export const taskSettingNames: readonly string[] = Object.keys(taskReaders);

/** Adds the same names as they are written in TypeScript. */
function withCamelCase(readers: FieldReaders): FieldReaders {
  const camel = Object.values(readers).map((it) => [it[0], it] as const);
  return { ...ignored, ...Object.fromEntries(camel), ...readers };
}

/** Settings of a task, and the keys that are none. */
export function readTaskSettings(fields: Fields): {
  readonly options: TaskOptions;
  readonly left: Map<string, Node>;
} {
  const { read, left } = readFields(fields, taskReaders);
  delete read[""];
  return { options: read, left };
}

/** Settings of Airflow's DAGs that change nothing here. */
const dagWithoutEffect = [
  "default_view",
  "orientation",
  "access_control",
  "owner_links",
  "dag_display_name",
  "sla_miss_callback",
  "render_template_as_native_obj",
  "template_undefined",
  "auto_register",
  "disable_bundle_versioning",
  "timezone",
  "timeZone",
  "schedule",
  "schedule_interval",
  "timetable",
  "default_args",
  "defaultArgs",
  "start_date",
  "startDate",
  "end_date",
  "endDate",
] as const;

const dagReaders: FieldReaders = withCamelCase({
  ...Object.fromEntries(dagWithoutEffect.map((name) => [name, ["", () => undefined]])),
  description: ["description", text],
  doc_md: ["docMd", text],
  catchup: ["catchup", flag],
  max_active_runs: ["maxActiveRuns", count],
  max_active_tasks: ["maxActiveTasks", count],
  concurrency: ["maxActiveTasks", count],
  max_consecutive_failed_dag_runs: ["maxConsecutiveFailedDagRuns", count],
  dagrun_timeout: ["dagrunTimeout", duration],
  dagrun_timeout_sec: ["dagrunTimeout", number],
  fail_fast: ["failFast", flag],
  fail_stop: ["failFast", flag],
  is_paused_upon_creation: ["isPausedUponCreation", flag],
  tags: ["tags", listOf(text)],
  files: ["files", listOf(text)],
  template_searchpath: ["templateSearchpath", listOf(text)],
});

export const dagSettingNames: readonly string[] = [
  ...Object.keys(dagReaders),
  "params",
  "tasks",
  "task_groups",
];

/** A DAG's settings but its schedule and parameters, and the keys that are none. */
export function readDagSettings(
  fields: Fields,
  defaultArgs: Fields,
  now: number,
): { readonly options: DagOptions; readonly left: Map<string, Node> } {
  const { read, left } = readFields(fields, dagReaders);
  delete read[""];
  const zoneNode = fields.get("timezone") ?? fields.get("timeZone");
  const zone = zoneNode === undefined ? undefined : timeZone(zoneNode);
  if (zone !== undefined) read["timeZone"] = zone;
  const date = moment(zone ?? "UTC", now);
  for (const [name, old] of [
    ["startDate", "start_date"],
    ["endDate", "end_date"],
  ] as const) {
    const node =
      fields.get(name) ?? fields.get(old) ?? defaultArgs.get(old) ?? defaultArgs.get(name);
    if (node !== undefined && node.value !== null) read[name] = date(node);
  }
  return { options: read, left };
}

/** A value, or `{default, type, …}`: a schema with its default. */
export function param(node: Node): Param {
  const value = json(node);
  if (!isMapping(node) || typeof value !== "object" || value === null || Array.isArray(value)) {
    return { default: value, schema: {} };
  }
  const isSchema = typeName(node) === "Param" || node.value.has("type") || node.value.has("enum");
  if (!isSchema) return { default: value, schema: {} };
  const { default: fallback, ...schema } = value;
  return fallback === undefined ? { schema } : { default: fallback, schema };
}
