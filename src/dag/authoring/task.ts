import type { Json } from "#api/object.ts";
import type { TaskContext } from "./context.ts";
import { addDraft, DagError, freeId, type Draft, type TaskFunction } from "./draft.ts";
import type { TaskOptions } from "./options.ts";
import { Output, type Input } from "./output.ts";

/** The code of a task. Its result is handed on, and must be JSON or undefined. */
export type Run<I, O> = (input: I, context: TaskContext) => O | Promise<O>;

/** A task whose inputs have their types; calling it puts it into the DAG. */
export interface Task<I, O> {
  (...input: unknown extends I ? [] : [input: Inputs<I>]): Output<O>;
  /** The same task with other settings, or under another id. */
  with(options: TaskOptions & { readonly id?: string }): Task<I, O>;
  /** Inputs that are the same for every instance of a mapped task. */
  partial<P extends Partial<Inputs<I>>>(input: P): Mappable<I, O, keyof P>;
  /** One instance for each element, or for each combination of elements. */
  expand(over: Elements<I>): Output<O[]>;
  /** One instance for each whole input. */
  expandEach(inputs: Input<readonly I[]>): Output<O[]>;
}

export interface Mappable<I, O, Given extends PropertyKey> {
  expand(over: Elements<Omit<I, Given>>): Output<O[]>;
  expandEach(inputs: Input<readonly Omit<I, Given>[]>): Output<O[]>;
}

/** The inputs of a task, each a value or what stands for one. */
export type Inputs<I> = { readonly [K in keyof I]: Input<I[K]> };
/** Lists, or tasks that give lists, over which inputs are mapped. */
export type Elements<I> = {
  readonly [K in keyof I]: readonly Input<I[K]>[] | Output<readonly I[K][]> | Output<I[K][]>;
};

/** Declares a task that runs a function. */
export function task<I, O>(id: string, run: Run<I, O>): Task<I, O>;
export function task<I, O>(id: string, options: TaskOptions, run: Run<I, O>): Task<I, O>;
export function task<I, O>(
  id: string,
  second: TaskOptions | Run<I, O>,
  third?: Run<I, O>,
): Task<I, O> {
  return functionTask("function", id, second, third);
}

/**
 * Declares a task that chooses: of the tasks directly after it only those go on whose ids it
 * returns.
 */
export function branch<I>(
  id: string,
  second: TaskOptions | Run<I, string | readonly string[] | null>,
  third?: Run<I, string | readonly string[] | null>,
): Task<I, string | readonly string[] | null> {
  return functionTask("branch", id, second, third);
}

export interface ShortCircuitOptions extends TaskOptions {
  /** False: only the tasks directly after it are skipped; those further on by their own rules. */
  readonly ignoreDownstreamTriggerRules?: boolean;
}

/** Declares a task whose false result skips everything after it. */
export function shortCircuit<I>(
  id: string,
  second: ShortCircuitOptions | Run<I, unknown>,
  third?: Run<I, unknown>,
): Task<I, boolean> {
  const options = typeof second === "function" ? {} : second;
  const { ignoreDownstreamTriggerRules = true, ...rest } = options;
  const run = (typeof second === "function" ? second : third) as Run<I, boolean> | undefined;
  return functionTask("short_circuit", id, rest, run, { ignoreDownstreamTriggerRules });
}

function functionTask<I, O>(
  ...given: [
    operator: string,
    id: string,
    second: TaskOptions | Run<I, O>,
    third: Run<I, O> | undefined,
    more?: { readonly ignoreDownstreamTriggerRules: boolean },
  ]
): Task<I, O> {
  const [operator, id, second, third, more] = given;
  const run = typeof second === "function" ? second : third;
  const options = typeof second === "function" ? {} : second;
  if (run === undefined) throw new DagError(`task ${id} has no function`);
  return typedTask<I, O>({ operator, id, options, run: run as TaskFunction, ...more });
}

interface Recipe {
  readonly operator: string;
  readonly id: string;
  readonly options: TaskOptions;
  readonly run: TaskFunction;
  readonly ignoreDownstreamTriggerRules?: boolean;
}

function typedTask<I, O>(recipe: Recipe): Task<I, O> {
  function call(input: unknown): Output<O> {
    return new Output<O>(place(recipe, input, undefined));
  }
  function mappable(given: unknown): Mappable<I, O, PropertyKey> {
    return {
      expand: (over) => new Output<O[]>(place(recipe, given, { kind: "product", over })),
      expandEach: (inputs) =>
        new Output<O[]>(place(recipe, given, { kind: "each", over: { inputs } })),
    };
  }
  return Object.assign((...input: readonly unknown[]) => call(input[0]), {
    with: ({ id, ...options }: TaskOptions & { readonly id?: string }) =>
      typedTask<I, O>({
        ...recipe,
        id: id ?? recipe.id,
        options: { ...recipe.options, ...options },
      }),
    partial: <P>(input: P) => mappable(input) as Mappable<I, O, keyof P>,
    expand: (over: Elements<I>) => mappable({}).expand(over as never),
    expandEach: (inputs: Input<readonly I[]>) => mappable({}).expandEach(inputs as never),
  });
}

function place(recipe: Recipe, input: unknown, expand: Draft["expand"]): Draft {
  return addDraft(freeId(recipe.id), {
    operator: recipe.operator,
    options: recipe.options,
    run: recipe.run,
    arguments: input ?? {},
    expand,
    ignoreDownstreamTriggerRules: recipe.ignoreDownstreamTriggerRules ?? true,
  });
}

/** Marks an argument over which an operator is mapped. */
class Each {
  readonly values: unknown;

  constructor(values: unknown) {
    this.values = values;
  }
}

/** The lists, or tasks that give lists, over which arguments of an operator are mapped. */
export type Lists<G, K extends keyof G> = {
  readonly [P in K]: readonly Exclude<G[P], undefined>[] | Output<readonly Json[]> | Output<Json[]>;
};

/**
 * An operator once for each element of `over`, or for each combination:
 * `expand(bash, "load", { env }, { command: commands })`.
 */
export function expand<O extends AnyOperator, K extends keyof Parameters<O>[1]>(
  operator: O,
  id: string,
  partial: Omit<Parameters<O>[1], K>,
  over: Lists<Parameters<O>[1], K>,
): Output<OutputOf<O>[]> {
  const marked = Object.entries(over).map(([name, values]) => [name, new Each(values)] as const);
  const given = { ...partial, ...Object.fromEntries(marked) };
  const { task } = operator(id, given as never);
  return new Output<OutputOf<O>[]>(task);
}

type AnyOperator = (id: string, given: never) => Output<unknown>;
type OutputOf<O extends AnyOperator> = ReturnType<O> extends Output<infer R> ? R : never;

/** Takes the arguments that are marked from the others. */
function splitEach(given: object): {
  readonly single: Record<string, unknown>;
  readonly over: Record<string, unknown> | undefined;
} {
  const entries = Object.entries(given) as [string, unknown][];
  const mapped = entries.filter(([, it]) => it instanceof Each);
  const over = mapped.map(([name, it]) => [name, it instanceof Each ? it.values : it] as const);
  const single = entries.filter(([, it]) => !(it instanceof Each));
  return {
    single: Object.fromEntries(single),
    over: mapped.length === 0 ? undefined : Object.fromEntries(over),
  };
}

/** Declares a task of an operator that Gantry brings. */
export function operatorTask<O = Json>(
  operator: string,
  id: string,
  given: {
    readonly arguments: object;
    readonly options: TaskOptions;
    readonly run?: TaskFunction;
    readonly expand?: Draft["expand"];
    readonly ignoreDownstreamTriggerRules?: boolean;
  },
): Output<O> {
  const { single, over } = splitEach(given.arguments);
  return new Output<O>(
    addDraft(id, {
      operator,
      options: given.options,
      run: given.run,
      arguments: single,
      expand: over === undefined ? given.expand : { kind: "product", over },
      ignoreDownstreamTriggerRules: given.ignoreDownstreamTriggerRules ?? true,
    }),
  );
}
