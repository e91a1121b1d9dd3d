import type { Json } from "#api/object.ts";
import { formatConnection } from "#dag/connection/connection.ts";
import type { Connection } from "#dag/connection/connection.ts";
import { DateTime } from "./date-time.ts";
import type { Names } from "./scope.ts";
import { macros } from "./macros.ts";
import { argument, isList, numberOf, stringOf, toValue, type Call, type Value } from "./values.ts";

/** What templates of a task are told. Times in milliseconds since the epoch. */
export interface TemplateRun {
  readonly dagId: string;
  readonly taskId: string;
  readonly runId: string;
  readonly runType: string;
  readonly mapIndex: number;
  readonly tryNumber: number;
  readonly logicalDate: number;
  readonly intervalStart: number;
  readonly intervalEnd: number;
  readonly startedAt: number;
  readonly now: number;
  readonly params: Readonly<Record<string, Json>>;
  readonly conf: Readonly<Record<string, Json>>;
}

/** What a template may look up outside. */
export type Lookup =
  | { readonly kind: "variable"; readonly key: string }
  | { readonly kind: "connection"; readonly id: string }
  | {
      readonly kind: "output";
      readonly taskId: string;
      readonly name: string;
      readonly mapIndex: number | undefined;
    };

/**
 * Gives what was looked up: a variable's text, a connection, an output; null when there is none.
 * It may throw something of its own when it must find it out first, and render again.
 */
export type LookUp = (lookup: Lookup) => Json;

/** Airflow's context for templates. */
export function templateNames(run: TemplateRun, lookUp: LookUp): Names {
  const known = new Map<string, Value>([...times(run), ...identity(run)]);
  const instance = taskInstance(run, lookUp);
  for (const [name, value] of [
    ["ti", instance],
    ["task_instance", instance],
    ["macros", macros(run.now)],
    ["params", toValue(run.params)],
    ["var", variables(lookUp)],
    ["conn", connections(lookUp)],
  ] as const) {
    known.set(name, value);
  }
  return (name) => known.get(name);
}

function times(run: TemplateRun): (readonly [string, Value])[] {
  const date = (at: number): DateTime => new DateTime(at, "UTC");
  const logical = date(run.logicalDate);
  const day = 86_400_000;
  return [
    ["logical_date", logical],
    ["execution_date", logical],
    ["data_interval_start", date(run.intervalStart)],
    ["data_interval_end", date(run.intervalEnd)],
    ["start_date", date(run.startedAt)],
    ["next_execution_date", date(run.intervalEnd)],
    ["ds", logical.strftime("%Y-%m-%d")],
    ["ds_nodash", logical.strftime("%Y%m%d")],
    ["ts", logical.isoformat("T")],
    ["ts_nodash", logical.strftime("%Y%m%dT%H%M%S")],
    ["ts_nodash_with_tz", logical.isoformat("T").replaceAll(/[-:]/g, "")],
    ["next_ds", date(run.intervalEnd).strftime("%Y-%m-%d")],
    ["yesterday_ds", date(run.logicalDate - day).strftime("%Y-%m-%d")],
    ["tomorrow_ds", date(run.logicalDate + day).strftime("%Y-%m-%d")],
  ];
}

function identity(run: TemplateRun): (readonly [string, Value])[] {
  const dagRun = new Map<string, Value>([
    ["run_id", run.runId],
    ["dag_id", run.dagId],
    ["run_type", run.runType],
    ["conf", toValue(run.conf)],
    ["logical_date", new DateTime(run.logicalDate, "UTC")],
    ["data_interval_start", new DateTime(run.intervalStart, "UTC")],
    ["data_interval_end", new DateTime(run.intervalEnd, "UTC")],
    ["start_date", new DateTime(run.startedAt, "UTC")],
    ["external_trigger", run.runType === "manual"],
  ]);
  const ds = new DateTime(run.logicalDate, "UTC").strftime("%Y%m%d");
  return [
    ["run_id", run.runId],
    ["dag_run", dagRun],
    ["dag", new Map<string, Value>([["dag_id", run.dagId]])],
    ["task", new Map<string, Value>([["task_id", run.taskId]])],
    ["map_index", run.mapIndex],
    ["test_mode", false],
    ["task_instance_key_str", `${run.dagId}__${run.taskId}__${ds}`],
  ];
}

function taskInstance(run: TemplateRun, lookUp: LookUp): Value {
  return new Map<string, Value>([
    ["dag_id", run.dagId],
    ["task_id", run.taskId],
    ["run_id", run.runId],
    ["map_index", run.mapIndex],
    ["try_number", run.tryNumber],
    ["xcom_pull", (call) => pull(call, lookUp)],
  ]);
}

/** `xcom_pull(task_ids="a", key="return_value", map_indexes=0)`; a list of ids gives a list. */
function pull(call: Call, lookUp: LookUp): Value {
  const ids = argument(call, "task_ids", 0) ?? "";
  const name = stringOf(call.named.get("key") ?? undefined, "return_value");
  const index = call.named.get("map_indexes");
  const mapIndex = index === undefined || index === null ? undefined : numberOf(index, -1);
  const find = (taskId: string): Value =>
    toValue(lookUp({ kind: "output", taskId, name, mapIndex }));
  return isList(ids) ? ids.map((it) => find(stringOf(it))) : find(stringOf(ids));
}

/** `var.value.key`, `var.json.key`, `var.value.get("key", "fallback")`. */
function variables(lookUp: LookUp): Value {
  const reader = (read: (text: string) => Value): Value => {
    const find = (key: string): Value | undefined => {
      const text = lookUp({ kind: "variable", key });
      return typeof text === "string" ? read(text) : undefined;
    };
    const get = (call: Call): Value =>
      find(stringOf(argument(call, "item", 0))) ?? argument(call, "default_var", 1) ?? null;
    return { attribute: (name) => (name === "get" ? get : find(name)), text: () => "<variables>" };
  };
  return new Map<string, Value>([
    ["value", reader((text) => text)],
    ["json", reader((text) => toValue(JSON.parse(text)))],
  ]);
}

/** `conn.my_database.host`. */
function connections(lookUp: LookUp): Value {
  const find = (id: string): Value | undefined => {
    const found = lookUp({ kind: "connection", id });
    if (found === null) return undefined;
    const { host, login, password, schema, port, type, extra } = found as object as Connection;
    const of = toValue({
      host,
      login,
      password,
      schema,
      port,
      conn_type: type,
      conn_id: id,
      extra,
    });
    const settings = toValue(JSON.parse(extra ?? "{}"));
    return {
      attribute: (name) => {
        if (name === "extra_dejson") return settings;
        if (name === "get_uri") return () => formatConnection(found as object as Connection);
        return of instanceof Map ? (of.get(name) as Value | undefined) : undefined;
      },
      text: () => id,
    };
  };
  const get = (call: Call): Value => find(stringOf(argument(call, "item", 0))) ?? null;
  return { attribute: (name) => (name === "get" ? get : find(name)), text: () => "<connections>" };
}
