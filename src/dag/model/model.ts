import type { Json, JsonObject } from "#api/object.ts";
import type { AssetCondition, AssetModel } from "#dag/assets/asset.ts";

/**
 * The form in which a DAG is stored and handed from process to process: plain JSON. Raise it when a
 * reader of the form before could not read the new one.
 */
export const dagFormat = 1;

/** Longest id of a DAG, task, group or run, as Airflow's `validate_key` has it. */
export const idLengthMax = 250;

/** Most tasks in one DAG. */
export const tasksMax = 50_000;

export const triggerRules = [
  "all_success",
  "all_failed",
  "all_done",
  "all_done_min_one_success",
  "all_done_setup_success",
  "all_skipped",
  "always",
  "none_failed",
  "none_failed_min_one_success",
  "none_skipped",
  "one_done",
  "one_failed",
  "one_success",
] as const;

export type TriggerRule = (typeof triggerRules)[number];

export type WeightRule = "downstream" | "upstream" | "absolute";

/** When a DAG runs. Times in milliseconds since the epoch. */
export type ScheduleModel =
  | TimeSchedule
  /** When assets have been made. */
  | { readonly kind: "assets"; readonly when: AssetCondition }
  /** At the times of another schedule, and besides when assets have been made. */
  | {
      readonly kind: "assets_or_time";
      readonly when: AssetCondition;
      readonly time: TimeSchedule;
    };

/** A schedule that goes by the clock. */
export type TimeSchedule =
  | { readonly kind: "none" | "once" | "continuous" }
  | {
      readonly kind: "cron";
      /** Five fields, or six with seconds first; presets are resolved. */
      readonly expressions: readonly string[];
      readonly timeZone: string;
      /**
       * `interval`: a run has the data interval that ended when it starts. `trigger`: it starts at
       * the time itself, with an interval of `intervalMs` before it.
       */
      readonly mode: "interval" | "trigger";
      readonly intervalMs: number;
    }
  | {
      readonly kind: "delta";
      readonly everyMs: number;
      /** Runs start at the times themselves, with an interval of this length before them. */
      readonly triggerIntervalMs?: number | undefined;
    }
  | {
      /** At moments that are listed. */
      readonly kind: "events";
      /** In order. */
      readonly times: readonly number[];
      /** A run by hand is that of the newest of them that is past. */
      readonly restrictToEvents: boolean;
    }
  /** By a function of the DAG's file. */
  | { readonly kind: "custom"; readonly description: string };

/** The callbacks that the author gave; the functions themselves stay in the file. */
export type CallbackName = "onExecute" | "onSuccess" | "onFailure" | "onRetry" | "onSkipped";

/** A task, with every default filled in. Durations in milliseconds. */
export interface TaskModel {
  readonly id: string;
  /** What runs it: `function`, `bash`, `http`… */
  readonly operator: string;
  /** Ids of the tasks before it, sorted. */
  readonly upstream: readonly string[];
  readonly group?: string | undefined;
  /** Files that its templates extend, include or import: paths below the folder of DAGs, by name. */
  readonly templateFiles?: Readonly<Record<string, string>>;
  readonly triggerRule: TriggerRule;
  readonly retries: number;
  readonly retryDelayMs: number;
  readonly retryExponentialBackoff: boolean;
  readonly maxRetryDelayMs?: number | undefined;
  readonly executionTimeoutMs?: number | undefined;
  readonly pool: string;
  readonly poolSlots: number;
  readonly priorityWeight: number;
  readonly weightRule: WeightRule;
  /** The weight that counts, by the rule. */
  readonly totalWeight: number;
  readonly queue: string;
  readonly executor?: string | undefined;
  /** As the author gave it; the executor reads it. */
  readonly executorConfig?: JsonObject | undefined;
  readonly owner: string;
  readonly dependsOnPast: boolean;
  readonly waitForDownstream: boolean;
  readonly ignoreFirstDependsOnPast: boolean;
  readonly maxActivePerDag?: number | undefined;
  readonly maxActivePerRun?: number | undefined;
  readonly setup: boolean;
  readonly teardown: boolean;
  /** A failed teardown fails the run (`on_failure_fail_dagrun`). */
  readonly failsRun: boolean;
  /** A false short circuit skips everything after it, whatever the trigger rules. */
  readonly ignoreDownstreamTriggerRules: boolean;
  /** What the operator gets; an object `{"$output": {…}}` stands for another task's output. */
  readonly arguments: JsonObject;
  /** Arguments over which the task, or its mapped group, is mapped; undefined when it is not. */
  readonly expand?: Expansion | undefined;
  /**
   * The group that is repeated for each element of `expand`, the task with it: instances of its tasks
   * with one map index belong together.
   */
  readonly mappedGroup?: string | undefined;
  readonly pushesOutput: boolean;
  readonly multipleOutputs: boolean;
  readonly callbacks: readonly CallbackName[];
  /** What the task makes when it succeeds, and what it reads. */
  readonly outlets?: readonly AssetModel[] | undefined;
  /** Names under which it makes assets that are known only when it runs. */
  readonly outletAliases?: readonly string[] | undefined;
  readonly inlets?: readonly AssetModel[] | undefined;
  readonly doc?: string | undefined;
}

export interface Expansion {
  /** `product`: every combination. `zip`: each argument is a list of whole argument objects. */
  readonly kind: "product" | "each";
  readonly over: Readonly<Record<string, Json>>;
}

export interface GroupModel {
  readonly id: string;
  readonly parent?: string | undefined;
  readonly tooltip?: string | undefined;
}

/** A declared parameter: JSON Schema with a default value. */
export interface ParamModel {
  readonly default?: Json | undefined;
  readonly schema: JsonObject;
}

/** What the time of a deadline is counted from. Times in milliseconds. */
export type DeadlineReference =
  | { readonly kind: "logical_date" | "queued_at" }
  | { readonly kind: "fixed"; readonly at: number }
  /** What the newest runs took; with fewer than `minRuns` of them there is no deadline. */
  | { readonly kind: "average_runtime"; readonly maxRuns: number; readonly minRuns: number };

/** By when a run must have succeeded. */
export interface DeadlineModel {
  readonly name?: string | undefined;
  readonly reference: DeadlineReference;
  readonly intervalMs: number;
}

export interface DagModel {
  readonly format: typeof dagFormat;
  readonly id: string;
  readonly description?: string | undefined;
  readonly doc?: string | undefined;
  readonly schedule: ScheduleModel;
  readonly timeZone: string;
  /** Milliseconds since the epoch. */
  readonly startDate?: number | undefined;
  readonly endDate?: number | undefined;
  readonly catchup: boolean;
  readonly maxActiveRuns: number;
  readonly maxActiveTasks: number;
  /** Zero: never paused by failures. */
  readonly maxConsecutiveFailedRuns: number;
  readonly runTimeoutMs?: number | undefined;
  readonly failFast: boolean;
  readonly pausedUponCreation?: boolean | undefined;
  readonly tags: readonly string[];
  readonly params: Readonly<Record<string, ParamModel>>;
  /** Patterns of files that belong to a version, relative to the DAG's file. */
  readonly files?: readonly string[] | undefined;
  /** Folders where template files are looked for, relative to the DAG's file. */
  readonly templateSearchpath?: readonly string[] | undefined;
  readonly callbacks: readonly CallbackName[];
  /** Each has a callback in the file, at the same place. */
  readonly deadlines?: readonly DeadlineModel[] | undefined;
  readonly groups: readonly GroupModel[];
  /** In an order in which each task comes after those before it. */
  readonly tasks: readonly TaskModel[];
}

/** Stands for what another task gives back, anywhere inside arguments. */
export interface OutputReference {
  readonly task: string;
  readonly key: string;
  /** Where in the value: names and indexes. */
  readonly path: readonly (string | number)[];
}

/** The reference that an object is, or undefined. */
export function outputReference(
  value: Json | Readonly<Record<string, Json>> | undefined,
): OutputReference | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const found = value["$output"];
  if (typeof found !== "object" || found === null || Array.isArray(found)) return undefined;
  const { task, key, path } = found;
  if (typeof task !== "string") return undefined;
  return {
    task,
    key: typeof key === "string" ? key : "return_value",
    path: stepsOf(path),
  };
}

function stepsOf(path: Json | undefined): (string | number)[] {
  if (!Array.isArray(path)) return [];
  return path.filter((it) => typeof it === "string" || typeof it === "number");
}

/** Every reference inside a value, in order. */
export function outputReferences(
  value: Json | Readonly<Record<string, Json>> | undefined,
): OutputReference[] {
  const own = outputReference(value);
  if (own !== undefined) return [own];
  if (Array.isArray(value)) return value.flatMap((it) => outputReferences(it));
  if (typeof value === "object" && value !== null) {
    return Object.values(value).flatMap((it) => outputReferences(it));
  }
  return [];
}

/** Stands for an argument of the mapped group that a task is in. */
export interface ElementReference {
  readonly name: string;
  readonly path: readonly (string | number)[];
}

/** The reference to an element that `{"$element": {…}}` is, or undefined. */
export function elementReference(value: Json): ElementReference | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const found = value["$element"];
  if (typeof found !== "object" || found === null || Array.isArray(found)) return undefined;
  const { name, path } = found;
  if (typeof name !== "string") return undefined;
  return { name, path: stepsOf(path) };
}

/** The names of the group's arguments that a value uses. */
export function elementNames(value: Json): string[] {
  const own = elementReference(value);
  if (own !== undefined) return [own.name];
  if (typeof value !== "object" || value === null) return [];
  return Object.values(value).flatMap((it) => elementNames(it ?? null));
}

/** What the references inside arguments stand for. */
export interface Resolution {
  readonly output: (reference: OutputReference) => Json;
  readonly params: Readonly<Record<string, Json>>;
  /** The arguments of one instance of a mapped group. */
  readonly elements?: Readonly<Record<string, Json>>;
}

/** A copy of `value` with each reference, and each parameter, replaced by what it stands for. */
export function resolveReferences(value: Json, by: Resolution): Json {
  const own = outputReference(value);
  if (own !== undefined) return by.output(own);
  const element = elementReference(value);
  if (element !== undefined) return valueAt(by.elements?.[element.name] ?? null, element.path);
  if (Array.isArray(value)) return value.map((it) => resolveReferences(it, by));
  if (typeof value !== "object" || value === null) return value;
  const name = value["$param"];
  if (typeof name === "string" && Object.keys(value).length === 1) return by.params[name] ?? null;
  return Object.fromEntries(
    Object.entries(value).map(([key, it]) => [key, resolveReferences(it ?? null, by)]),
  );
}

/** The part of a value at a path; null where there is none. */
export function valueAt(value: Json, path: readonly (string | number)[]): Json {
  let at: Json = value;
  for (const step of path) {
    if (Array.isArray(at) && typeof step === "number") at = at[step] ?? null;
    else if (typeof at === "object" && at !== null && !Array.isArray(at)) {
      at = Object.hasOwn(at, step) ? (at[String(step)] ?? null) : null;
    } else return null;
  }
  return at;
}
