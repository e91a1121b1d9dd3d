import { assert } from "#base/assert.ts";
import type { DagModel, TaskModel } from "#dag/model/model.ts";
import { graphOf } from "#dag/model/graph.ts";
import type { TaskState } from "#dag/model/states.ts";
import type { DagVersion } from "#workflows/state/dags.ts";
import { newInstance, type InstanceChange, type InstanceRow } from "#workflows/state/instances.ts";
import type { RunRow, RunStamp } from "#workflows/state/runs.ts";

/** What has become of a run since it was read. */
export interface RunChanges {
  readonly run: { readonly next: RunRow; readonly from: number };
  readonly added: readonly InstanceRow[];
  readonly changed: readonly InstanceChange[];
}

/**
 * A run with its instances, as it is being changed. It stands for the rows at one revision of the
 * run; changes are written by who takes them.
 */
export class RunRecord {
  readonly version: DagVersion;
  #run: RunRow;
  readonly #instances: Map<string, InstanceRow>;
  readonly #changed = new Map<string, InstanceChange["from"]>();
  readonly #added = new Set<string>();
  #touched = false;

  constructor(run: RunRow, instances: readonly InstanceRow[], version: DagVersion) {
    this.#run = run;
    this.version = version;
    this.#instances = new Map(instances.map((it) => [keyOf(it.taskId, it.mapIndex), it]));
  }

  get run(): RunRow {
    return this.#run;
  }

  get model(): DagModel {
    return this.version.model;
  }

  get touched(): boolean {
    return this.#touched;
  }

  task(id: string): TaskModel | undefined {
    return graphOf(this.model.tasks).byId.get(id);
  }

  instances(): InstanceRow[] {
    return [...this.#instances.values()];
  }

  /** How many instances it has. */
  get size(): number {
    return this.#instances.size;
  }

  find(taskId: string, mapIndex: number): InstanceRow | undefined {
    return this.#instances.get(keyOf(taskId, mapIndex));
  }

  /** Whether the task has instances. */
  has(taskId: string): boolean {
    if (this.#instances.has(keyOf(taskId, -1)) || this.#instances.has(keyOf(taskId, 0)))
      return true;
    return (
      this.task(taskId)?.expand !== undefined && this.instances().some((it) => it.taskId === taskId)
    );
  }

  /** Takes what the database says about the run, at the same revision. */
  see({ revision, planAt }: RunStamp): void {
    assert(!this.#touched && revision === this.#run.revision, "nothing else has changed");
    if (planAt !== this.#run.planAt) this.#run = { ...this.#run, planAt };
  }

  /** What is changed and not written yet, with the state that the database has. */
  *unwritten(): Generator<{ readonly stored: TaskState | null; readonly instance: InstanceRow }> {
    for (const key of this.#added) {
      const instance = this.#instances.get(key);
      if (instance !== undefined) yield { stored: null, instance };
    }
    for (const [key, { state }] of this.#changed) {
      const instance = this.#instances.get(key);
      if (instance !== undefined) yield { stored: state, instance };
    }
  }

  setRun(change: Partial<RunRow>): void {
    this.#run = { ...this.#run, ...change };
    this.#touched = true;
  }

  /** Changes an instance, also in its map index. */
  set(instance: InstanceRow, change: Partial<InstanceRow>): InstanceRow {
    const before = keyOf(instance.taskId, instance.mapIndex);
    const next = { ...instance, ...change };
    const key = keyOf(next.taskId, next.mapIndex);
    assert(key === before || !this.#instances.has(key), "a map index is taken once");
    this.#instances.delete(before);
    this.#instances.set(key, next);
    this.#touched = true;
    if (this.#added.delete(before)) this.#added.add(key);
    else {
      const from = this.#changed.get(before) ?? {
        state: instance.state,
        mapIndex: instance.mapIndex,
      };
      this.#changed.delete(before);
      this.#changed.set(key, from);
    }
    return next;
  }

  add(taskId: string, mapIndex: number): void {
    const task = this.task(taskId);
    assert(task !== undefined, "an instance is of a task of the DAG");
    const instance = newInstance(this.#run, task, mapIndex);
    const key = keyOf(taskId, mapIndex);
    this.#instances.set(key, instance);
    this.#added.add(key);
    this.#touched = true;
  }

  /**
   * What is to be written, under a new revision. From now on it counts as written: a record whose
   * changes were not stored is of no use any more.
   */
  takeChanges(): RunChanges {
    const added = [...this.#added].flatMap((key) => this.#instances.get(key) ?? []);
    const changed = [...this.#changed].map(([key, from]) => {
      const next = this.#instances.get(key);
      assert(next !== undefined, "a changed instance is there");
      return { next, from };
    });
    const { revision: from } = this.#run;
    this.#added.clear();
    this.#changed.clear();
    this.#touched = false;
    this.#run = { ...this.#run, revision: from + 1 };
    return { run: { next: this.#run, from }, added, changed };
  }
}

function keyOf(taskId: string, mapIndex: number): string {
  return `${mapIndex} ${taskId}`;
}
