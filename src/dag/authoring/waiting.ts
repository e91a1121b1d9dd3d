import type { Json } from "#api/object.ts";
import type { Duration } from "#dag/model/duration.ts";
import type { TaskState } from "#dag/model/states.ts";
import {
  sensorArguments,
  type BashOptions,
  type HttpOptions,
  type SensorOptions,
  type SqlOptions,
} from "./operators.ts";
import type { TaskOptions } from "./options.ts";
import type { Input, Output } from "./output.ts";
import { operatorTask } from "./task.ts";

export interface ExternalTaskOptions extends SensorOptions {
  readonly dag: Input<string>;
  /** Of that DAG; without tasks the run itself is waited for. */
  readonly task?: Input<string>;
  readonly tasks?: readonly Input<string>[];
  /** How much earlier the other run's logical date is; none by default. */
  readonly executionDelta?: Duration;
  /** The other runs' logical dates, in place of one by `executionDelta`. */
  readonly executionDates?: readonly Input<string>[];
  /** What it waits for; `success` by default. */
  readonly allowedStates?: readonly (TaskState | "success" | "failed")[];
  /** States with which the sensor fails, or ends as skipped; none by default. */
  readonly failedStates?: readonly TaskState[];
  readonly skippedStates?: readonly TaskState[];
}

/** Waits for another DAG's run of the same logical date, or for tasks of it. */
export function externalTaskSensor(id: string, given: ExternalTaskOptions): Output<boolean> {
  const { dag, task, tasks, executionDelta, executionDates, ...rest } = given;
  const { allowedStates, failedStates, skippedStates, ...more } = rest;
  const { settings, options } = sensorArguments(more);
  const states = { allowedStates, failedStates, skippedStates };
  const args = { sensor: settings, dag, task, tasks, executionDelta, executionDates, ...states };
  return operatorTask("external_task_sensor", id, { arguments: args, options });
}

/** Waits until a command ends with 0. */
export function bashSensor(
  id: string,
  given: SensorOptions & Pick<BashOptions, "command" | "env" | "appendEnv" | "cwd">,
): Output<boolean> {
  const { command, env, appendEnv, cwd, ...rest } = given;
  const { settings, options } = sensorArguments(rest);
  const args = { sensor: settings, command, env, appendEnv, cwd };
  return operatorTask("bash_sensor", id, { arguments: args, options });
}

/** Waits until the first value of the first row is something true. */
export function sqlSensor(
  id: string,
  given: SensorOptions & Pick<SqlOptions, "connection" | "sql" | "parameters" | "database">,
): Output<boolean> {
  const { connection, sql, parameters, database, ...rest } = given;
  const { settings, options } = sensorArguments(rest);
  const args = { sensor: settings, connection, sql, parameters, database };
  return operatorTask("sql_sensor", id, { arguments: args, options });
}

export type HttpSensorOptions = SensorOptions &
  Pick<HttpOptions, "connection" | "endpoint" | "method" | "headers" | "body"> & {
    /** What the answer must have in it. */
    readonly contains?: Input<string>;
  };

/** Waits until a server answers with a status below 400; 404 means not yet, others are failures. */
export function httpSensor(id: string, given: HttpSensorOptions): Output<boolean> {
  const { connection, endpoint, method, headers, body, contains, ...rest } = given;
  const { settings, options } = sensorArguments(rest);
  const args = { sensor: settings, connection, endpoint, method, headers, body, contains };
  return operatorTask("http_sensor", id, { arguments: args, options });
}

/** Waits until a time, in the DAG's time zone; it holds no worker. */
export function dateTimeSensor(
  id: string,
  given: TaskOptions & { readonly targetTime: Input<string> },
): Output<boolean> {
  const { targetTime, ...options } = given;
  return operatorTask("date_time_sensor", id, { arguments: { targetTime }, options });
}

/** What follows goes on in the newest run alone, and in those that are started by hand. */
export function latestOnly(id: string, options: TaskOptions = {}): Output<Json> {
  return operatorTask("latest_only", id, { arguments: {}, options });
}
