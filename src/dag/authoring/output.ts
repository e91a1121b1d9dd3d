import type { Json, JsonObject } from "#api/object.ts";
import type { ParamValue } from "./param-value.ts";
import type { Draft } from "./draft.ts";
import type { Element } from "./element.ts";

declare const valueType: unique symbol;

/**
 * What a task will give back, while the DAG is being written: it is passed to other tasks, which
 * then come after this one. Inside a task function it is the value itself.
 */
export class Output<T> {
  declare readonly [valueType]: T;
  readonly task: Draft;
  readonly #key: string;
  readonly #path: readonly (string | number)[];

  constructor(task: Draft, key = "return_value", path: readonly (string | number)[] = []) {
    this.task = task;
    this.#key = key;
    this.#path = path;
  }

  /** A part of it. */
  get<K extends keyof T & (string | number)>(name: K): Output<T[K]> {
    return new Output<T[K]>(this.task, this.#key, [...this.#path, name]);
  }

  /** What the task pushes under another key. */
  named(key: string): Output<Json> {
    return new Output<Json>(this.task, key);
  }

  /** Lets the others run after this task. */
  before(...others: readonly Link[]): this {
    link(this, others);
    return this;
  }

  /** Lets this task run after the others. */
  after(...others: readonly Link[]): this {
    link(others, this);
    return this;
  }

  /** Marks the task as one that prepares something for those after it. */
  asSetup(): this {
    this.task.setup = true;
    return this;
  }

  /**
   * Marks the task as one that clears up: it runs when its setups succeeded, whatever came between,
   * and does not decide about the run unless `failsRun`.
   */
  asTeardown(options: { readonly setups?: Link; readonly failsRun?: boolean } = {}): this {
    this.task.teardown = true;
    this.task.failsRun = options.failsRun ?? false;
    for (const setup of draftsOf(options.setups ?? [])) {
      setup.setup = true;
      this.task.upstream.add(setup.id);
    }
    return this;
  }

  toJSON(): JsonObject {
    return { $output: { task: this.task.id, key: this.#key, path: [...this.#path] } };
  }
}

/** A value, a parameter's, or what a task will give back, also inside lists and objects. */
export type Input<T> =
  | T
  | Output<T>
  | Element<T>
  | ParamValue<T>
  | (T extends readonly (infer E)[]
      ? readonly Input<E>[]
      : T extends object
        ? { readonly [K in keyof T]: Input<T[K]> }
        : never);

/** Tasks, for edges between them. */
export type Link = Output<unknown> | readonly Link[];

/** Every task after all of the one before: `chain(a, [b, c], d)`. */
export function chain(...links: readonly Link[]): void {
  for (const [at, next] of links.slice(1).entries()) link(links[at] ?? [], next);
}

function link(before: Link, after: Link): void {
  for (const from of draftsOf(before)) {
    for (const to of draftsOf(after)) to.upstream.add(from.id);
  }
}

function draftsOf(links: Link): Draft[] {
  return links instanceof Output ? [links.task] : links.flatMap(draftsOf);
}
