import type { Json, JsonObject } from "#api/object.ts";
import type { Duration } from "#dag/model/duration.ts";
import type { TriggerRule, WeightRule } from "#dag/model/model.ts";
import type { Asset, AssetAlias } from "./asset.ts";
import type { TaskContext } from "./context.ts";
import type { Schedule } from "./schedule.ts";

/** Called beside a task or run; what it throws is logged and changes nothing. */
export type Callback = (context: CallbackContext) => void | Promise<void>;

/** What a callback is told: the task's context, and the failure if there was one. */
export type CallbackContext = TaskContext & {
  readonly error?: Error | undefined;
  /** When the deadline was that the run has missed. */
  readonly deadline?: Date | undefined;
};

export interface Callbacks {
  readonly onExecute?: Callback;
  readonly onSuccess?: Callback;
  readonly onFailure?: Callback;
  readonly onRetry?: Callback;
  readonly onSkipped?: Callback;
}

/** Settings of a task; Airflow's names in camel case. */
export interface TaskOptions extends Callbacks {
  readonly owner?: string;
  readonly retries?: number;
  readonly retryDelay?: Duration;
  readonly retryExponentialBackoff?: boolean;
  readonly maxRetryDelay?: Duration;
  /** Time for one try; then it is killed and has failed. */
  readonly executionTimeout?: Duration;
  readonly triggerRule?: TriggerRule;
  readonly pool?: string;
  readonly poolSlots?: number;
  readonly priorityWeight?: number;
  readonly weightRule?: WeightRule;
  readonly queue?: string;
  readonly executor?: string;
  /** For the executor: how the pod of a task is made. */
  readonly executorConfig?: ExecutorConfig;
  readonly dependsOnPast?: boolean;
  readonly waitForDownstream?: boolean;
  readonly ignoreFirstDependsOnPast?: boolean;
  /** Most instances at a time over all runs of the DAG. */
  readonly maxActiveTisPerDag?: number;
  readonly maxActiveTisPerDagrun?: number;
  /** What the task makes when it succeeds: DAGs that are scheduled by it then run. */
  readonly outlets?: readonly (Asset | AssetAlias)[];
  readonly inlets?: readonly Asset[];
  readonly doXcomPush?: boolean;
  /** Hands each entry of a result object on under its own key too. */
  readonly multipleOutputs?: boolean;
  readonly docMd?: string;
}

export interface ExecutorConfig {
  /** Laid over the pod template: a pod, or the part of one that differs. */
  readonly podOverride?: JsonObject;
  /** A file on the scheduler's machine, instead of the executor's template. */
  readonly podTemplateFile?: string;
}

/** By when a run must have succeeded, and what is done when it has not; Airflow's `DeadlineAlert`. */
export interface Deadline {
  readonly name?: string;
  /**
   * What `interval` is counted from: the run's logical date, when it was queued, a moment, or, from when
   * it was queued, what the newest runs took on the average (of 10, unless said otherwise; without as
   * many there is no deadline).
   */
  readonly reference:
    | "logical_date"
    | "queued_at"
    | { readonly at: string | Date }
    | { readonly averageRuntime: { readonly maxRuns?: number; readonly minRuns?: number } };
  readonly interval: Duration;
  /** Called once for a run, in a process of its own, with `context.deadline`. */
  readonly callback: Callback;
}

/** A parameter of a DAG, checked by JSON Schema. */
export interface Param<T extends Json = Json> {
  readonly default?: T;
  readonly schema: JsonObject;
}

/** Parameters by name: values, or `param(value, schema)`. */
export type Params = Readonly<Record<string, Json | Param>>;

export interface DagOptions<P extends Params = Params> {
  readonly schedule?: Schedule;
  /** When the first data interval may begin: a date, or ISO 8601; read in `timeZone` without offset. */
  readonly startDate?: string | Date;
  readonly endDate?: string | Date;
  /** `Europe/Berlin`; UTC by default. */
  readonly timeZone?: string;
  /** Makes up for runs missed since `startDate`; false by default. */
  readonly catchup?: boolean;
  readonly maxActiveRuns?: number;
  readonly maxActiveTasks?: number;
  readonly maxConsecutiveFailedDagRuns?: number;
  readonly dagrunTimeout?: Duration;
  readonly failFast?: boolean;
  readonly isPausedUponCreation?: boolean;
  readonly description?: string;
  readonly docMd?: string;
  readonly tags?: readonly string[];
  /**
   * Patterns of files that tasks read, relative to this file: they belong to a version as its code
   * does. In a task they are beside the code: `new URL("limits.csv", import.meta.url)`.
   */
  readonly files?: readonly string[];
  /**
   * Folders, relative to this file, where files such as `command: "load.sh"` and `sql: "load.sql"`
   * are looked for after the folder of this file itself.
   */
  readonly templateSearchpath?: string | readonly string[];
  readonly params?: P;
  /** For every task that does not say otherwise. */
  readonly defaultArgs?: TaskOptions;
  /** By when a run must have succeeded. */
  readonly deadline?: Deadline | readonly Deadline[];
  readonly onSuccess?: Callback;
  readonly onFailure?: Callback;
}
