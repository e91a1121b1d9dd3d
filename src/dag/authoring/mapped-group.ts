import type { Json } from "#api/object.ts";
import { openGroup, type DraftExpansion } from "./draft.ts";
import { Element } from "./element.ts";
import { Output, type Input } from "./output.ts";
import type { Elements, Inputs } from "./task.ts";

/** What the function of a group is given: each argument stands for the value of one repetition. */
export type Given<I> = { readonly [K in keyof I]: Element<I[K]> };

/** What a mapped group hands on: of each output of its function the list of all repetitions. */
export type Repeated<R> =
  R extends Output<infer O>
    ? Output<O[]>
    : R extends object
      ? { readonly [K in keyof R]: Repeated<R[K]> }
      : R;

/** A group of tasks with arguments; calling it puts the tasks into the DAG. */
export interface TaskGroup<I, R> {
  /** The tasks once. */
  (input: Inputs<I>): R;
  /** Arguments that are the same for every repetition. */
  partial<P extends Partial<Inputs<I>>>(input: P): MappableGroup<Omit<I, keyof P>, R>;
  /** The tasks for each element, or for each combination of elements. */
  expand(over: Elements<I>): Repeated<R>;
  /** The tasks for each whole set of arguments. */
  expandEach(inputs: Input<readonly I[]>): Repeated<R>;
}

export interface MappableGroup<I, R> {
  expand(over: Elements<I>): Repeated<R>;
  expandEach(inputs: Input<readonly I[]>): Repeated<R>;
}

/**
 * Declares a group of tasks with arguments, which can be repeated. Within a repetition a task waits for
 * those of the same element only, and gets what they hand on.
 */
export function taskGroup<I, R>(
  name: string,
  build: (input: Given<I>) => R,
  options: { readonly tooltip?: string } = {},
): TaskGroup<I, R> {
  function open(given: object, expand: DraftExpansion | undefined): unknown {
    const known = elementsOf(given);
    return openGroup(name, () => build(known as Given<I>), { ...options, expand });
  }
  function repeat(partial: object, expand: DraftExpansion, names?: readonly string[]): unknown {
    const over = names?.map((it) => [it, new Element({ name: it, path: [] })] as const);
    // Which arguments a set of them has is known only when the DAG runs.
    const elements = over === undefined ? anyElement(partial) : Object.fromEntries(over);
    return open(over === undefined ? elements : { ...partial, ...elements }, expand);
  }
  function mappable(partial: object): MappableGroup<I, R> {
    return {
      expand: (over) =>
        repeat(partial, { kind: "product", over }, Object.keys(over)) as Repeated<R>,
      expandEach: (inputs) => repeat(partial, { kind: "each", over: { inputs } }) as Repeated<R>,
    };
  }
  return Object.assign((input: Inputs<I>) => open(input as object, undefined) as R, {
    partial: (input: object) => mappable(input) as MappableGroup<never, R>,
    ...mappable({}),
  }) as TaskGroup<I, R>;
}

/** The arguments as they are, for a function that asks for parts of them. */
function elementsOf(given: object): object {
  return new Proxy(given, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name);
      if (typeof name === "symbol" || value instanceof Element || value instanceof Output) {
        return value;
      }
      return new Element({ value });
    },
  });
}

function anyElement(partial: object): object {
  return new Proxy(partial, {
    get: (target, name) => {
      const given: unknown = Reflect.get(target, name);
      if (typeof name === "symbol" || Object.hasOwn(target, name)) return given;
      return new Element<Json>({ name, path: [] });
    },
  });
}
