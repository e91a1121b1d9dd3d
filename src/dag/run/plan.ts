import { graphOf } from "#dag/model/graph.ts";
import { isActive, isFailure, isFinished } from "#dag/model/states.ts";
import type { RunState, TaskState } from "#dag/model/states.ts";
import type { DagModel, OutputReference, TaskModel } from "#dag/model/model.ts";
import { expansionCount, expansionTasks } from "./expansion.ts";
import { indirectSetups } from "./setups.ts";
import { relevantInstances } from "./relevant.ts";
import { countUpstream, judgeRule, type Verdict } from "./trigger-rules.ts";

/** A task instance as planning sees it. */
export interface InstanceView {
  readonly taskId: string;
  /** -1 for a task that is not mapped, or not yet expanded. */
  readonly mapIndex: number;
  readonly state: TaskState | null;
  /** When a retry or the next look of a sensor is due, in milliseconds since the epoch. */
  readonly nextAt: number | undefined;
  /** Tasks that this one, having run, decided to skip. */
  readonly skips: readonly string[];
}

export interface RunView {
  readonly state: RunState;
  readonly startedAt: number | undefined;
  readonly instances: readonly InstanceView[];
}

/** What planning must be told that is not in the run. */
export interface Facts {
  readonly now: number;
  /** Most instances that one task may expand to. */
  readonly mapLengthMax: number;
  /** Why the run before holds a task back, for tasks with `dependsOnPast`; undefined: it does not. */
  past(task: TaskModel, mapIndex: number): string | undefined;
  /** The length of a finished task's output; undefined when it is no list or object. */
  measure(reference: OutputReference): number | undefined;
}

export type Step =
  | {
      readonly kind: "set";
      readonly taskId: string;
      readonly mapIndex: number;
      readonly state: "skipped" | "upstream_failed" | "removed" | "failed";
      readonly reason: string;
    }
  | { readonly kind: "schedule"; readonly taskId: string; readonly mapIndex: number }
  /** Becomes instances 0 to `count` - 1. */
  | { readonly kind: "expand"; readonly taskId: string; readonly count: number }
  | { readonly kind: "finish"; readonly state: "success" | "failed"; readonly reason: string };

export interface RunPlan {
  readonly steps: readonly Step[];
  /** When to look again though nothing happened; undefined: never. */
  readonly wakeAt: number | undefined;
}

/**
 * What to do next about a running run. One pass in the order of the tasks settles everything that
 * follows from the states; after `expand` steps it must be asked again.
 */
export function planRun(dag: DagModel, run: RunView, facts: Facts): RunPlan {
  const expired = deadlineOf(dag, run);
  if (expired !== undefined && expired <= facts.now) return expireRun(run);
  const pass = new Pass(dag, run, facts);
  if (dag.failFast && run.instances.some((it) => it.state === "failed")) pass.stopAll();
  else pass.visitAll();
  const wake = [pass.wakeAt, expired].filter((it) => it !== undefined);
  return {
    steps: [...pass.steps, ...pass.finish()],
    wakeAt: wake.length === 0 ? undefined : Math.min(...wake),
  };
}

function deadlineOf(dag: DagModel, run: RunView): number | undefined {
  if (dag.runTimeoutMs === undefined || run.startedAt === undefined) return undefined;
  return run.startedAt + dag.runTimeoutMs;
}

function expireRun(run: RunView): RunPlan {
  const reason = "the run took longer than its timeout";
  const steps: Step[] = run.instances
    .filter((it) => !isFinished(it.state))
    .map(({ taskId, mapIndex }) => ({ kind: "set", taskId, mapIndex, state: "skipped", reason }));
  return { steps: [...steps, { kind: "finish", state: "failed", reason }], wakeAt: undefined };
}

class Pass {
  readonly steps: Step[] = [];
  wakeAt: number | undefined;
  readonly #dag: DagModel;
  readonly #facts: Facts;
  /** As they will be after the steps. */
  readonly #instances = new Map<string, InstanceView[]>();
  readonly #skipped = new Set<string>();
  /** Something is under way, or waits for what will happen by itself. */
  #alive = false;
  #expanding = false;

  constructor(dag: DagModel, run: RunView, facts: Facts) {
    this.#dag = dag;
    this.#facts = facts;
    for (const instance of run.instances) {
      const same = this.#instances.get(instance.taskId);
      if (same === undefined) this.#instances.set(instance.taskId, [instance]);
      else same.push(instance);
      if (instance.state !== "success") continue;
      for (const id of instance.skips) this.#skipped.add(skipKey(dag, instance, id));
    }
  }

  visitAll(): void {
    for (const task of this.#dag.tasks) {
      const instances = this.#instances.get(task.id) ?? [];
      for (const [at, instance] of instances.entries()) {
        const next = this.#visit(task, instance);
        if (next !== instance.state) instances[at] = { ...instance, state: next };
      }
    }
  }

  /** One failure ends all, but for teardowns. */
  stopAll(): void {
    const teardowns = new Set(this.#dag.tasks.filter((it) => it.teardown).map((it) => it.id));
    for (const [id, instances] of this.#instances) {
      if (teardowns.has(id)) continue;
      for (const [at, instance] of instances.entries()) {
        if (isFinished(instance.state)) continue;
        const state = isActive(instance.state) ? "failed" : "skipped";
        this.#set(instance, state, "another task failed, and the DAG fails fast");
        instances[at] = { ...instance, state };
      }
    }
    this.visitAll();
  }

  /** The state that the instance has after this pass. */
  #visit(task: TaskModel, instance: InstanceView): TaskState | null {
    const { state } = instance;
    if (isFinished(state)) return state;
    if (state === "scheduled" || isActive(state)) {
      this.#alive = true;
      return state;
    }
    if (state !== null) {
      // Its rule was met once; it only waits for its time.
      if (instance.nextAt !== undefined && instance.nextAt > this.#facts.now) {
        this.#wake(instance.nextAt);
        return state;
      }
      return this.#schedule(instance);
    }
    return this.#start(task, instance);
  }

  #start(task: TaskModel, instance: InstanceView): TaskState | null {
    if (this.#waitsForAll(task)) return null;
    const verdict = this.judge(task, instance.mapIndex);
    if (verdict.kind === "end") return this.#set(instance, verdict.state, "by its trigger rule");
    if (verdict.kind === "wait") return null;
    const held = this.#facts.past(task, instance.mapIndex);
    if (held !== undefined) {
      this.#alive = true;
      return null;
    }
    if (task.expand === undefined || instance.mapIndex >= 0) return this.#schedule(instance);
    return this.#expand(task, instance);
  }

  /**
   * Whether nothing is decided yet about what the task waits for, so that it goes on waiting by any
   * rule. Most tasks of a large DAG are such, most of the time.
   */
  #waitsForAll(task: TaskModel): boolean {
    if (task.upstream.length === 0 || task.triggerRule === "always") return false;
    if (task.expand !== undefined || task.mappedGroup !== undefined) return false;
    if (this.#skipped.has(task.id) || indirectSetups(this.#dag.tasks).has(task.id)) return false;
    for (const id of task.upstream) {
      const instances = this.#instances.get(id);
      if (instances === undefined || instances.some((it) => isFinished(it.state))) return false;
    }
    return true;
  }

  /** Whether the states of others let an instance run. */
  judge(task: TaskModel, mapIndex: number): Verdict {
    if (this.#skipped.has(task.id) || this.#skipped.has(`${task.id}#${mapIndex}`)) {
      return { kind: "end", state: "skipped" };
    }
    // The tasks of a mapped group are repeated as soon as it is known how often.
    if (task.mappedGroup !== undefined && mapIndex < 0) return this.#judgeInputs(task, mapIndex);
    const setups = this.#judgeSetups(task, mapIndex);
    if (setups !== undefined) return setups;
    const { byId } = graphOf(this.#dag.tasks);
    const counts = countUpstream(
      task.upstream.flatMap((id) =>
        this.#before(task, mapIndex, id).map(({ state }) => ({
          state,
          setup: byId.get(id)?.setup ?? false,
        })),
      ),
    );
    const verdict = judgeRule(task.triggerRule, counts, mapIndex);
    return verdict.kind === "run" ? this.#judgeInputs(task, mapIndex) : verdict;
  }

  /** The instances of a task before it that count for an instance. */
  #before(task: TaskModel, mapIndex: number, id: string): readonly InstanceView[] {
    const upstream = graphOf(this.#dag.tasks).byId.get(id);
    return relevantInstances(this.#instances.get(id) ?? [], { task, mapIndex, upstream });
  }

  /** Undefined when no setup further up stands in the way. */
  #judgeSetups(task: TaskModel, mapIndex: number): Verdict | undefined {
    if (task.teardown) return undefined;
    const ids = indirectSetups(this.#dag.tasks).get(task.id);
    if (ids === undefined) return undefined;
    const states = ids.flatMap((id) => this.#before(task, mapIndex, id));
    const verdict = judgeRule(
      "all_success",
      countUpstream(states.map(({ state }) => ({ state, setup: true }))),
      mapIndex,
    );
    return verdict.kind === "run" ? undefined : verdict;
  }

  /** An expansion needs its inputs, whatever the trigger rule. */
  #judgeInputs(task: TaskModel, mapIndex: number): Verdict {
    if (task.expand === undefined || mapIndex >= 0) return { kind: "run" };
    const states = expansionTasks(task.expand).flatMap((id) => this.#instances.get(id) ?? []);
    if (states.some((it) => !isFinished(it.state))) {
      return { kind: "wait", reason: "waits for what it is mapped over" };
    }
    if (states.some((it) => isFailure(it.state))) return { kind: "end", state: "upstream_failed" };
    if (states.length > 0 && states.every((it) => it.state === "skipped")) {
      return { kind: "end", state: "skipped" };
    }
    return { kind: "run" };
  }

  #expand(task: TaskModel, instance: InstanceView): TaskState | null {
    if (task.expand === undefined) return null;
    const counted = expansionCount(task.expand, (it) => this.#facts.measure(it));
    if (counted.kind === "unmappable") {
      const reason = `argument '${counted.argument}' to map over is neither a list nor an object`;
      return this.#set(instance, "failed", reason);
    }
    const { count } = counted;
    if (count > this.#facts.mapLengthMax) {
      const reason = `maps over ${count} elements, of which at most ${this.#facts.mapLengthMax} may be`;
      return this.#set(instance, "failed", reason);
    }
    if (count === 0) return this.#set(instance, "skipped", "there is nothing to map over");
    this.steps.push({ kind: "expand", taskId: task.id, count });
    this.#expanding = true;
    return null;
  }

  #schedule({ taskId, mapIndex }: InstanceView): TaskState {
    this.steps.push({ kind: "schedule", taskId, mapIndex });
    this.#alive = true;
    return "scheduled";
  }

  #set<S extends "skipped" | "upstream_failed" | "removed" | "failed">(
    { taskId, mapIndex }: InstanceView,
    state: S,
    reason: string,
  ): S {
    this.steps.push({ kind: "set", taskId, mapIndex, state, reason });
    return state;
  }

  #wake(at: number): void {
    this.#alive = true;
    this.wakeAt = this.wakeAt === undefined ? at : Math.min(this.wakeAt, at);
  }

  finish(): Step[] {
    if (this.#alive || this.#expanding) return [];
    const all = [...this.#instances.values()].flat();
    if (all.some((it) => !isFinished(it.state))) {
      return [{ kind: "finish", state: "failed", reason: "no task that is left can ever run" }];
    }
    const leaves = decidingTasks(this.#dag.tasks).flatMap((id) => this.#instances.get(id) ?? []);
    const failed = leaves.find((it) => isFailure(it.state));
    if (failed === undefined) return [{ kind: "finish", state: "success", reason: "" }];
    return [{ kind: "finish", state: "failed", reason: `task ${failed.taskId} ${failed.state}` }];
  }
}

/** What a branch within a mapped group leaves out, it leaves out for its own element. */
function skipKey(dag: DagModel, { taskId, mapIndex }: InstanceView, skipped: string): string {
  const { byId } = graphOf(dag.tasks);
  const within = byId.get(taskId)?.mappedGroup;
  if (within === undefined || mapIndex < 0) return skipped;
  // What comes after the group follows its own trigger rule.
  return `${skipped}#${mapIndex}`;
}

/** The tasks whose ends decide a run: the last ones, leaving teardowns aside unless they count. */
export function decidingTasks(tasks: readonly TaskModel[]): string[] {
  const { byId, downstream } = graphOf(tasks);
  function counts(task: TaskModel | undefined): boolean {
    return task !== undefined && (!task.teardown || task.failsRun);
  }
  const leaves = tasks.filter(
    (task) => counts(task) && !(downstream.get(task.id) ?? []).some((it) => counts(byId.get(it))),
  );
  if (leaves.length > 0) return leaves.map((it) => it.id);
  return tasks.filter((it) => downstream.get(it.id)?.length === 0).map((it) => it.id);
}

/** In words, why an instance that nothing was decided about does not run. */
export function explainWaiting(
  dag: DagModel,
  run: RunView,
  facts: Facts,
  at: { readonly task: TaskModel; readonly mapIndex: number },
): string | undefined {
  const verdict = new Pass(dag, run, facts).judge(at.task, at.mapIndex);
  if (verdict.kind === "wait") return `Trigger rule '${at.task.triggerRule}': ${verdict.reason}`;
  return facts.past(at.task, at.mapIndex);
}
