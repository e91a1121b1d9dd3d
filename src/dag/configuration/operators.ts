import type { Json } from "#api/object.ts";
import { camelCase } from "./values.ts";
import {
  dockerArguments,
  jobArguments,
  jobPlaceArguments,
  podArguments,
  resourceArguments,
} from "./pod-arguments.ts";
import { ConfigurationError } from "./error.ts";
import type { Node } from "./node.ts";

/** How a task of one kind is written in a configuration file. */
export interface OperatorForm {
  /** The names of Airflow's classes. */
  readonly classes: readonly string[];
  /** What Airflow's class has where nothing is given, when it differs. */
  readonly classDefaults?: Readonly<Record<string, Json>>;
  /** The names of its arguments in a DAG's model. */
  readonly arguments: readonly string[];
  readonly required?: readonly string[];
  /** Airflow's names of arguments, where they are more than another spelling. */
  readonly aliases?: Readonly<Record<string, string>>;
  /** Arguments that are lengths of time. */
  readonly durations?: readonly string[];
  /** `do_xcom_push` is an argument, too. */
  readonly keepsOutputSetting?: boolean;
  /** It waits: `poke_interval`, `timeout`, `mode` and `soft_fail` are its settings. */
  readonly isSensor?: boolean;
  /** It may run a function of a TypeScript file. */
  readonly callable?: "required" | "optional";
  /** Whatever is not an argument is handed to the function. */
  readonly open?: boolean;
}

/** Every operator that a configuration file may name, by its name in the model. */
export const operatorForms: Readonly<Record<string, OperatorForm>> = {
  empty: { classes: ["EmptyOperator", "DummyOperator"], arguments: [] },
  function: { classes: [], arguments: [], callable: "required", open: true },
  bash: {
    classes: ["BashOperator"],
    arguments: ["command", "env", "appendEnv", "cwd", "skipOnExitCode"],
    required: ["command"],
    aliases: { bash_command: "command" },
  },
  branch: { classes: [], arguments: ["follow"], callable: "optional", required: ["follow"] },
  short_circuit: {
    classes: [],
    arguments: ["condition"],
    callable: "optional",
    required: ["condition"],
  },
  http: {
    classes: ["HttpOperator", "SimpleHttpOperator"],
    classDefaults: { method: "POST" },
    arguments: ["connection", "endpoint", "method", "headers", "body"],
    required: ["endpoint"],
    aliases: { http_conn_id: "connection", data: "body" },
  },
  sql: {
    classes: ["SQLExecuteQueryOperator", "PostgresOperator", "SqliteOperator"],
    arguments: ["connection", "sql", "parameters", "database", "autocommit"],
    required: ["connection", "sql"],
    aliases: {
      conn_id: "connection",
      postgres_conn_id: "connection",
      sqlite_conn_id: "connection",
    },
  },
  email: {
    classes: ["EmailOperator", "SmtpOperator"],
    arguments: ["connection", "to", "cc", "bcc", "subject", "content", "from", "files"],
    required: ["to", "subject", "content"],
    aliases: { conn_id: "connection", html_content: "content", from_email: "from" },
  },
  file_transfer: {
    classes: ["FileTransferOperator"],
    arguments: ["source", "target", "overwrite"],
    required: ["source", "target"],
    aliases: { src: "source", dst: "target" },
  },
  kubernetes_pod: {
    classes: ["KubernetesPodOperator"],
    arguments: podArguments,
    aliases: { service_account_name: "serviceAccountName" },
    keepsOutputSetting: true,
  },
  kubernetes_job: { classes: ["KubernetesJobOperator"], arguments: jobArguments },
  kubernetes_patch_job: {
    classes: ["KubernetesPatchJobOperator"],
    arguments: [...jobPlaceArguments, "body"],
    required: ["name", "body"],
  },
  kubernetes_delete_job: {
    classes: ["KubernetesDeleteJobOperator"],
    arguments: [...jobPlaceArguments, "deleteOnStatus", "waitForCompletion"],
    required: ["name"],
  },
  kubernetes_create: resourceForm(["KubernetesCreateResourceOperator"]),
  kubernetes_apply: resourceForm([]),
  kubernetes_delete: resourceForm(["KubernetesDeleteResourceOperator"]),
  docker: { classes: ["DockerOperator"], arguments: dockerArguments, required: ["image"] },
  latest_only: { classes: ["LatestOnlyOperator"], arguments: [] },
  external_task_sensor: {
    classes: ["ExternalTaskSensor"],
    arguments: [
      "dag",
      "task",
      "tasks",
      "executionDelta",
      "executionDates",
      "allowedStates",
      "failedStates",
      "skippedStates",
    ],
    required: ["dag"],
    aliases: {
      external_dag_id: "dag",
      external_task_id: "task",
      external_task_ids: "tasks",
    },
    durations: ["executionDelta"],
    isSensor: true,
  },
  bash_sensor: {
    classes: ["BashSensor"],
    arguments: ["command", "env", "appendEnv", "cwd"],
    required: ["command"],
    aliases: { bash_command: "command" },
    isSensor: true,
  },
  sql_sensor: {
    classes: ["SqlSensor"],
    arguments: ["connection", "sql", "parameters", "database"],
    required: ["connection", "sql"],
    aliases: { conn_id: "connection" },
    isSensor: true,
  },
  http_sensor: {
    classes: ["HttpSensor"],
    arguments: ["connection", "endpoint", "method", "headers", "body", "contains"],
    required: ["endpoint"],
    aliases: { http_conn_id: "connection" },
    isSensor: true,
  },
  date_time_sensor: {
    classes: ["DateTimeSensor", "DateTimeSensorAsync"],
    arguments: ["targetTime"],
    required: ["targetTime"],
    isSensor: true,
  },
  sensor: { classes: [], arguments: [], isSensor: true, callable: "required" },
  file_sensor: {
    classes: ["FileSensor"],
    arguments: ["path"],
    required: ["path"],
    aliases: { filepath: "path" },
    isSensor: true,
  },
  trigger_dag: {
    classes: ["TriggerDagRunOperator"],
    arguments: ["dag", "conf", "runId", "logicalDate"],
    required: ["dag"],
    aliases: { trigger_dag_id: "dag", trigger_run_id: "runId", execution_date: "logicalDate" },
  },
};

export interface FoundOperator {
  readonly name: string;
  readonly form: OperatorForm;
  /** Arguments that hold where nothing is given. */
  readonly defaults: Readonly<Record<string, Json>>;
}

/** Classes that run Python in the worker. */
const pythonClasses = /^(_?Python|BranchPython|ShortCircuit|ExternalPython|BranchExternal)/;

/**
 * The kind of task that a name means: `bash`, `BashOperator` or a whole class path.
 * @throws {ConfigurationError} at a name that means none.
 */
export function findOperator(node: Node, name: string): FoundOperator {
  const last = name.split(".").at(-1) ?? name;
  for (const [own, form] of Object.entries(operatorForms)) {
    if (own === name) return { name: own, form, defaults: {} };
    if (form.classes.includes(last)) return { name: own, form, defaults: form.classDefaults ?? {} };
  }
  if (pythonClasses.test(last)) {
    const reason = `${last} runs Python in the worker, which is not possible here: use a container with KubernetesPodOperator, or 'function', 'branch', 'short_circuit' with a TypeScript file`;
    throw new ConfigurationError(node.place, reason);
  }
  const known = Object.keys(operatorForms).join(", ");
  throw new ConfigurationError(node.place, `unknown operator '${name}'; there are: ${known}`);
}

/** The argument that a key means; undefined when the operator has none such. */
export function argumentName(form: OperatorForm, key: string): string | undefined {
  const alias = form.aliases?.[key];
  if (alias !== undefined) return alias;
  const camel = camelCase(key);
  return form.arguments.includes(camel) ? camel : undefined;
}

function resourceForm(classes: readonly string[]): OperatorForm {
  return {
    classes,
    arguments: resourceArguments,
    required: ["objects"],
    aliases: { yaml_conf: "objects" },
  };
}
