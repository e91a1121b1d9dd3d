import type { Json } from "#api/object.ts";
import type { Duration } from "#dag/model/duration.ts";
import { operatorTask } from "./task.ts";
import type { TaskContext } from "./context.ts";
import type { TaskFunction } from "./draft.ts";
import type { TaskOptions } from "./options.ts";
import type { Input, Output } from "./output.ts";

/** Does nothing: a place where edges meet. */
export function empty(id: string, options: TaskOptions = {}): Output<null> {
  return operatorTask("empty", id, { arguments: {}, options });
}

export interface BashOptions extends TaskOptions {
  /** For `/bin/bash -c`, or `sh` where there is no bash; a template. */
  readonly command: Input<string>;
  /** Added to the environment; templates. */
  readonly env?: Readonly<Record<string, Input<string>>>;
  /** Whether the command sees the worker's own environment; true by default. */
  readonly appendEnv?: boolean;
  readonly cwd?: string;
  /** Exit codes that end the task as skipped; 99 by default. */
  readonly skipOnExitCode?: readonly number[];
}

/** Runs a shell command; hands on the last line of its output. */
export function bash(id: string, given: BashOptions): Output<string> {
  const { command, env, appendEnv, cwd, skipOnExitCode, ...options } = given;
  const args = { command, env, appendEnv, cwd, skipOnExitCode };
  return operatorTask("bash", id, { arguments: args, options });
}

export interface HttpOptions extends TaskOptions {
  /** Host and credentials; without it `endpoint` is a whole URL. */
  readonly connection?: string;
  readonly endpoint: Input<string>;
  readonly method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE" | "HEAD";
  readonly headers?: Readonly<Record<string, Input<string>>>;
  /** Text as it is; anything else as JSON. */
  readonly body?: Input<Json>;
}

/** Sends a request; hands on the body, decoded when it is JSON. Statuses from 400 fail. */
export function http(id: string, given: HttpOptions): Output<Json> {
  const { connection, endpoint, method, headers, body, ...options } = given;
  const args = { connection, endpoint, method, headers, body };
  return operatorTask("http", id, { arguments: args, options });
}

export interface SqlOptions extends TaskOptions {
  /** Of type `postgres` or `sqlite`. */
  readonly connection: string;
  /** One statement or several; templates. They run in one transaction. */
  readonly sql: Input<string> | readonly Input<string>[];
  /** For `?` or `%s` in order, or by name for `:name` or `%(name)s`. */
  readonly parameters?: readonly Input<Json>[] | Readonly<Record<string, Input<Json>>>;
  /** In place of the connection's. */
  readonly database?: Input<string>;
  /** Each statement by itself, for those that must not be in a transaction. */
  readonly autocommit?: boolean;
}

/** Runs SQL; hands on the rows of the last statement. */
export function sql<Row = Record<string, Json>>(id: string, given: SqlOptions): Output<Row[]> {
  const { connection, sql: statements, parameters, database, autocommit, ...options } = given;
  const args = { connection, sql: statements, parameters, database, autocommit };
  return operatorTask("sql", id, { arguments: args, options });
}

export interface SensorOptions extends TaskOptions {
  /** Between two looks; one minute by default. */
  readonly pokeInterval?: Duration;
  /** After it the sensor has failed; seven days by default. */
  readonly timeout?: Duration;
  /** `reschedule` holds no worker between two looks; the default. */
  readonly mode?: "poke" | "reschedule";
  /** Skips instead of failing at the timeout. */
  readonly softFail?: boolean;
  /** Waits longer and longer between two looks. */
  readonly exponentialBackoff?: boolean;
}

/** What is a sensor's own, and what any task may have. */
export function sensorArguments(given: SensorOptions): {
  readonly settings: object;
  readonly options: TaskOptions;
} {
  const { pokeInterval, timeout, mode, softFail, exponentialBackoff, ...options } = given;
  return { settings: { pokeInterval, timeout, mode, softFail, exponentialBackoff }, options };
}

/** Waits until a function returns something true. */
export function sensor(
  id: string,
  given: SensorOptions,
  poke: (context: TaskContext) => unknown,
): Output<boolean> {
  const { settings, options } = sensorArguments(given);
  const run: TaskFunction = (_, context) => poke(context);
  return operatorTask("sensor", id, { arguments: { sensor: settings }, options, run });
}

/** Waits until a file or folder exists. */
export function fileSensor(
  id: string,
  given: SensorOptions & { readonly path: Input<string> },
): Output<boolean> {
  const { path, ...rest } = given;
  const { settings, options } = sensorArguments(rest);
  return operatorTask("file_sensor", id, { arguments: { sensor: settings, path }, options });
}

export interface TriggerDagOptions extends TaskOptions {
  readonly dag: Input<string>;
  readonly conf?: Input<Json>;
  /** A name for the run; made up when left out. */
  readonly runId?: Input<string>;
  readonly logicalDate?: Input<string>;
}

/** Starts a run of another DAG; hands on its id. */
export function triggerDag(id: string, given: TriggerDagOptions): Output<string> {
  const { dag, conf, runId, logicalDate, ...options } = given;
  const args = { dag, conf, runId, logicalDate };
  return operatorTask("trigger_dag", id, { arguments: args, options });
}
