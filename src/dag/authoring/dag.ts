import type { Json, JsonObject } from "#api/object.ts";
import { durationMs, type Duration } from "#dag/model/duration.ts";
import { downstreamOf, orderTasks, totalWeight } from "#dag/model/graph.ts";
import {
  dagFormat,
  elementNames,
  outputReferences,
  tasksMax,
  triggerRules,
  type CallbackName,
  type DagModel,
  type ParamModel,
  type TaskModel,
  type TriggerRule,
} from "#dag/model/model.ts";
import { expansionTasks } from "#dag/run/expansion.ts";
import { checkParams } from "#dag/params/check.ts";
import { parseMoment } from "#dag/timetable/moment.ts";
import { isTimeZone } from "#dag/timetable/time-zone.ts";
import { scheduleProblem, timePart } from "#dag/timetable/timetable.ts";
import { Asset, AssetAlias } from "./asset.ts";
import { deadlineCallback, deadlineModels } from "./deadline.ts";
import { checkId, collect, DagError, type Draft, type TaskFunction } from "./draft.ts";
import { paramValues, type ParamValues } from "./param-value.ts";
import type { Callback, DagOptions, Param, Params, TaskOptions } from "./options.ts";
import { scheduleModel, timetableOf } from "./schedule.ts";
import type { Timetable } from "./timetable.ts";

/** A DAG as its file declares it: the stored form, and the functions that only the file has. */
export class Dag {
  readonly model: DagModel;
  readonly functions: ReadonlyMap<string, TaskFunction>;
  readonly #callbacks: ReadonlyMap<string, TaskOptions>;
  readonly #options: DagOptions;

  constructor(
    model: DagModel,
    code: {
      readonly functions: ReadonlyMap<string, TaskFunction>;
      readonly callbacks: ReadonlyMap<string, TaskOptions>;
      readonly options: DagOptions;
    },
  ) {
    this.model = model;
    this.functions = code.functions;
    this.#callbacks = code.callbacks;
    this.#options = code.options;
  }

  /** The author's callback of a task, or of the DAG when `taskId` is undefined. */
  callback(name: CallbackName, taskId: string | undefined): Callback | undefined {
    if (taskId !== undefined) return this.#callbacks.get(taskId)?.[name];
    if (name === "onSuccess") return this.#options.onSuccess;
    return name === "onFailure" ? this.#options.onFailure : undefined;
  }

  /** The author's timetable, when the DAG has one. */
  get timetable(): Timetable | undefined {
    const { schedule = null } = this.#options;
    return timetableOf(schedule);
  }

  /** The author's callback of a deadline, by its place in the model. */
  deadlineCallback(position: number): Callback | undefined {
    return deadlineCallback(this.#options.deadline, position);
  }
}

/** A parameter with a schema: `param(5, { type: "integer", minimum: 1 })`. */
export function param<T extends Json>(value: T | undefined, schema: JsonObject): Param<T> {
  return value === undefined ? { schema } : { default: value, schema };
}

/**
 * Declares a DAG; the file exports it. `build` makes its tasks; what it is given stands for the
 * parameters of a run, and has their types.
 * @throws {DagError} naming what is wrong.
 */
export function dag<const P extends Params>(
  id: string,
  options: DagOptions<P>,
  build: (params: ParamValues<P>) => unknown,
): Dag {
  checkId("dag", id);
  const draft = collect(() => build(paramValues(options.params)));
  const drafts = [...draft.tasks.values()].map((it) => ({
    ...it,
    options: { ...options.defaultArgs, ...it.options },
  }));
  if (drafts.length > tasksMax) throw new DagError(`a DAG may have at most ${tasksMax} tasks`);
  const model = {
    ...dagModel(id, options),
    groups: draft.groups,
    tasks: sortTasks(id, afterElements(drafts.map(taskModel))),
  };
  const functions = drafts.flatMap((it) =>
    it.run === undefined ? [] : [[it.id, it.run] as const],
  );
  return new Dag(plainJson(model, id), {
    functions: new Map(functions),
    callbacks: new Map(drafts.map((it) => [it.id, it.options])),
    options,
  });
}

type Frame = Omit<DagModel, "groups" | "tasks">;

/** A run by schedule has nothing but the defaults. */
function checkedParams(
  id: string,
  params: Readonly<Record<string, ParamModel>>,
  isScheduled: boolean,
): Readonly<Record<string, ParamModel>> {
  if (!isScheduled) return params;
  try {
    checkParams(params, {});
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new DagError(`DAG ${id}: its scheduled runs cannot start: ${reason}`);
  }
  return params;
}

function dagModel(id: string, options: DagOptions): Frame {
  const timeZone = options.timeZone ?? "UTC";
  if (!isTimeZone(timeZone)) throw new DagError(`DAG ${id}: unknown time zone '${timeZone}'`);
  const schedule = scheduleModel(options.schedule ?? null, timeZone);
  const time = timePart(schedule);
  if (time.kind === "cron" && !isTimeZone(time.timeZone)) {
    throw new DagError(`DAG ${id}: unknown time zone '${time.timeZone}'`);
  }
  const problem = scheduleProblem(schedule);
  if (problem !== undefined) throw new DagError(`DAG ${id}: ${problem}`);
  return {
    format: dagFormat,
    id,
    description: options.description,
    doc: options.docMd,
    schedule,
    timeZone,
    startDate: moment(options.startDate, timeZone),
    endDate: moment(options.endDate, timeZone),
    catchup: options.catchup ?? false,
    maxActiveRuns:
      schedule.kind === "continuous" ? 1 : atLeastOne("maxActiveRuns", options.maxActiveRuns ?? 16),
    maxActiveTasks: atLeastOne("maxActiveTasks", options.maxActiveTasks ?? 16),
    maxConsecutiveFailedRuns: options.maxConsecutiveFailedDagRuns ?? 0,
    runTimeoutMs: optionalMs(options.dagrunTimeout),
    failFast: options.failFast ?? false,
    pausedUponCreation: options.isPausedUponCreation,
    tags: [...(options.tags ?? [])].sort(),
    params: checkedParams(id, paramModels(options.params ?? {}), schedule.kind !== "none"),
    files: options.files,
    templateSearchpath: searchPath(options.templateSearchpath),
    callbacks: (["onSuccess", "onFailure"] as const).filter((it) => options[it] !== undefined),
    deadlines: deadlineModels(options.deadline, timeZone),
  };
}

function moment(value: string | Date | undefined, timeZone: string): number | undefined {
  if (value === undefined) return undefined;
  return value instanceof Date ? value.getTime() : parseMoment(value, timeZone);
}

function searchPath(given: DagOptions["templateSearchpath"]): readonly string[] | undefined {
  return typeof given === "string" ? [given] : given;
}

function atLeastOne(name: string, count: number): number {
  if (Number.isInteger(count) && count >= 1) return count;
  throw new DagError(`${name}: expected a whole number of at least 1, found ${count}`);
}

function optionalMs(duration: Duration | undefined): number | undefined {
  return duration === undefined ? undefined : durationMs(duration);
}

function paramModels(params: Params): Record<string, ParamModel> {
  return Object.fromEntries(
    Object.entries(params).map(([name, value]) => [
      name,
      isParam(value)
        ? { default: value.default, schema: value.schema }
        : { default: value, schema: {} },
    ]),
  );
}

function isParam(value: Json | Param): value is Param {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return typeof value.schema === "object" && value.schema !== null && !Array.isArray(value.schema);
}

const callbackNames = ["onExecute", "onSuccess", "onFailure", "onRetry", "onSkipped"] as const;

function taskModel(draft: Draft): TaskModel {
  const { options } = draft;
  const args = jsonOf(draft.arguments, draft.id);
  const over = draft.expand === undefined ? undefined : jsonOf(draft.expand.over, draft.id);
  const upstream = new Set(draft.upstream);
  const references = outputReferences(args);
  if (draft.mappedGroup === undefined) references.push(...outputReferences(over));
  for (const reference of references) upstream.add(reference.task);
  return {
    id: draft.id,
    operator: draft.operator,
    upstream: [...upstream].sort(),
    group: draft.group,
    ...scheduling(draft),
    retries: options.retries ?? 0,
    retryDelayMs: durationMs(options.retryDelay ?? "5m"),
    retryExponentialBackoff: options.retryExponentialBackoff ?? false,
    maxRetryDelayMs: optionalMs(options.maxRetryDelay),
    executionTimeoutMs: optionalMs(options.executionTimeout),
    setup: draft.setup,
    teardown: draft.teardown,
    failsRun: draft.failsRun,
    ignoreDownstreamTriggerRules: draft.ignoreDownstreamTriggerRules,
    arguments: args,
    expand:
      over === undefined || draft.expand === undefined
        ? undefined
        : { kind: draft.expand.kind, over: over as Record<string, Json> },
    mappedGroup: draft.mappedGroup,
    pushesOutput: options.doXcomPush ?? true,
    multipleOutputs: options.multipleOutputs ?? false,
    callbacks: callbackNames.filter((it) => options[it] !== undefined),
    outlets: options.outlets?.filter((it) => it instanceof Asset),
    outletAliases: options.outlets?.flatMap((it) => (it instanceof AssetAlias ? [it.name] : [])),
    inlets: options.inlets,
    doc: options.docMd,
    ...(options.executorConfig === undefined
      ? {}
      : { executorConfig: jsonOf(options.executorConfig, draft.id) }),
  };
}

function scheduling({
  options,
  teardown,
}: Draft): Pick<
  TaskModel,
  | "triggerRule"
  | "pool"
  | "poolSlots"
  | "priorityWeight"
  | "weightRule"
  | "totalWeight"
  | "queue"
  | "executor"
  | "owner"
  | "dependsOnPast"
  | "waitForDownstream"
  | "ignoreFirstDependsOnPast"
  | "maxActivePerDag"
  | "maxActivePerRun"
> {
  const weight = options.priorityWeight ?? 1;
  return {
    triggerRule: teardown ? "all_done_setup_success" : triggerRuleOf(options),
    pool: options.pool ?? "default_pool",
    poolSlots: atLeastOne("poolSlots", options.poolSlots ?? 1),
    priorityWeight: weight,
    weightRule: options.weightRule ?? "downstream",
    totalWeight: weight,
    queue: options.queue ?? "default",
    executor: options.executor,
    owner: options.owner ?? "airflow",
    dependsOnPast: (options.dependsOnPast ?? false) || (options.waitForDownstream ?? false),
    waitForDownstream: options.waitForDownstream ?? false,
    ignoreFirstDependsOnPast: options.ignoreFirstDependsOnPast ?? true,
    maxActivePerDag: options.maxActiveTisPerDag,
    maxActivePerRun: options.maxActiveTisPerDagrun,
  };
}

/** @throws {DagError} in files that no compiler has checked. */
function triggerRuleOf({ triggerRule = "all_success" }: TaskOptions): TriggerRule {
  if (triggerRules.includes(triggerRule)) return triggerRule;
  throw new DagError(
    `unknown trigger rule '${triggerRule}'; there are: ${triggerRules.join(", ")}`,
  );
}

function checkElements({ id, arguments: args, mappedGroup, expand }: TaskModel): void {
  const group = mappedGroup === undefined ? undefined : expand;
  const unknown = elementNames(args).find(
    (it) => group === undefined || (group.kind === "product" && !Object.hasOwn(group.over, it)),
  );
  if (unknown === undefined) return;
  const why =
    mappedGroup === undefined
      ? "it is in no mapped group"
      : `'${mappedGroup}' is not mapped over it`;
  throw new DagError(`task ${id} uses the element '${unknown}', but ${why}`);
}

/**
 * What a mapped group is mapped over comes before the tasks that begin it, and those that use its
 * elements.
 */
function afterElements(tasks: readonly TaskModel[]): readonly TaskModel[] {
  const groups = new Map(tasks.map((it) => [it.id, it.mappedGroup]));
  return tasks.map((task) => {
    const { mappedGroup, expand } = task;
    checkElements(task);
    if (mappedGroup === undefined || expand === undefined) return task;
    const begins = !task.upstream.some((it) => groups.get(it) === mappedGroup);
    if (!begins && elementNames(task.arguments).length === 0) return task;
    return {
      ...task,
      upstream: [...new Set([...task.upstream, ...expansionTasks(expand)])].sort(),
    };
  });
}

function sortTasks(dagId: string, tasks: readonly TaskModel[]): readonly TaskModel[] {
  const ids = new Set(tasks.map((it) => it.id));
  for (const task of tasks) {
    const unknown = task.upstream.find((it) => !ids.has(it));
    if (unknown !== undefined) {
      throw new DagError(
        `DAG ${dagId}: task ${task.id} comes after '${unknown}', which is not in it`,
      );
    }
  }
  const order = orderTasks(tasks);
  if (order.kind === "cycle") {
    throw new DagError(`DAG ${dagId}: its tasks wait for each other: ${order.ids.join(" -> ")}`);
  }
  const weights = new Map(order.tasks.map((it) => [it.id, it.priorityWeight]));
  const upstream = new Map(order.tasks.map((it) => [it.id, it.upstream]));
  const edges = { downstream: downstreamOf(order.tasks), upstream };
  return order.tasks.map((it) => ({ ...it, totalWeight: totalWeight(it, weights, edges) }));
}

/** @throws {DagError} for what JSON cannot hold. */
function jsonOf(value: unknown, taskId: string): JsonObject {
  try {
    return JSON.parse(JSON.stringify(value ?? {}, refuseFunctions)) as JsonObject;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new DagError(`task ${taskId}: its arguments are not JSON: ${reason}`);
  }
}

function refuseFunctions(name: string, value: unknown): unknown {
  if (typeof value !== "function" && typeof value !== "symbol") return value;
  throw new Error(`'${name}' is a ${typeof value}`);
}

function plainJson(model: DagModel, id: string): DagModel {
  return jsonOf(model, id) as object as DagModel;
}
