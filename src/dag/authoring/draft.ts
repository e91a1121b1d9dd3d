import type { Json } from "#api/object.ts";
import type { Expansion, GroupModel } from "#dag/model/model.ts";
import { idLengthMax } from "#dag/model/model.ts";
import type { TaskContext } from "./context.ts";
import type { TaskOptions } from "./options.ts";

/** The code of a task, as it is kept: what the author's types say is checked by the compiler only. */
export type TaskFunction = (input: Readonly<Record<string, Json>>, context: TaskContext) => unknown;

export interface DraftExpansion {
  readonly kind: Expansion["kind"];
  readonly over: unknown;
}

/** A task while its DAG is being written. */
export interface Draft {
  readonly id: string;
  readonly operator: string;
  readonly group: string | undefined;
  readonly options: TaskOptions;
  readonly arguments: unknown;
  readonly expand: DraftExpansion | undefined;
  /** The mapped group that it is in, whose expansion it has. */
  readonly mappedGroup: string | undefined;
  readonly run: TaskFunction | undefined;
  readonly upstream: Set<string>;
  setup: boolean;
  teardown: boolean;
  failsRun: boolean;
  readonly ignoreDownstreamTriggerRules: boolean;
}

/** A DAG while its function runs. */
export interface DagDraft {
  readonly tasks: Map<string, Draft>;
  /** By the id of a task that is used again, a number below which all of its others are taken. */
  readonly repeats: Map<string, number>;
  readonly groups: GroupModel[];
}

/** What is wrong with a DAG, in its author's terms. */
export class DagError extends Error {
  override readonly name = "DagError";
}

// A DAG's function runs to its end before another's begins, and it must not need a parameter for
// that: this is the one place that knows which DAG is being written.
let current:
  | {
      readonly dag: DagDraft;
      readonly groups: readonly string[];
      readonly mapped?: { readonly group: string; readonly expand: DraftExpansion } | undefined;
    }
  | undefined;

/** Runs `build`, and returns what it declared. */
export function collect(build: () => unknown): DagDraft {
  if (current !== undefined) throw new DagError("a DAG cannot be declared inside another");
  const dag: DagDraft = { tasks: new Map(), repeats: new Map(), groups: [] };
  current = { dag, groups: [] };
  try {
    const result = build();
    if (result instanceof Promise) {
      result.catch(() => undefined);
      throw new DagError("the function that declares a DAG's tasks must not be async");
    }
    return dag;
  } finally {
    current = undefined;
  }
}

/** Adds a task to the DAG that is being written, below the groups that are open. */
export function addDraft(
  id: string,
  draft: Omit<
    Draft,
    "id" | "group" | "mappedGroup" | "upstream" | "setup" | "teardown" | "failsRun"
  >,
): Draft {
  if (current === undefined) throw new DagError(`task ${id}: tasks are made inside a dag(…)`);
  const group = current.groups.at(-1);
  const full = group === undefined ? id : `${group}.${id}`;
  checkId("task", full);
  const { tasks } = current.dag;
  if (tasks.has(full)) throw new DagError(`two tasks have the id '${full}'`);
  const { mapped } = current;
  if (mapped !== undefined) refuseWithin(mapped.group, full, draft);
  const within = { mappedGroup: mapped?.group, expand: mapped?.expand ?? draft.expand };
  const added = { ...draft, ...within, id: full, group, upstream: new Set<string>() };
  const task = { ...added, setup: false, teardown: false, failsRun: false };
  tasks.set(full, task);
  return task;
}

/** What Airflow refuses in a mapped group, too. */
function refuseWithin(
  group: string,
  id: string,
  { expand, options }: Pick<Draft, "expand" | "options">,
): void {
  if (expand !== undefined) {
    throw new DagError(
      `task ${id}: a task of the mapped group '${group}' cannot be mapped itself; map over the combinations, or move it out of the group`,
    );
  }
  if (options.triggerRule === "always") {
    throw new DagError(
      `task ${id}: a task of the mapped group '${group}' cannot have the trigger rule 'always'`,
    );
  }
}

/** The id of a task in the group that is open: one that is used again gets `__1`, `__2`…, as in Airflow. */
export function freeId(id: string): string {
  if (current === undefined) return id;
  const { tasks, repeats } = current.dag;
  const group = current.groups.at(-1);
  const full = group === undefined ? id : `${group}.${id}`;
  if (!tasks.has(full)) return id;
  let count = repeats.get(full) ?? 1;
  while (tasks.has(`${full}__${count}`)) count += 1;
  repeats.set(full, count);
  return `${id}__${count}`;
}

/** Puts the tasks that `build` makes under a common name: `load` in group `eu` is `eu.load`. */
export function group<T>(
  name: string,
  build: () => T,
  options: { readonly tooltip?: string } = {},
): T {
  return openGroup(name, build, options);
}

/** A group, repeated for each element of `expand` when that is given. */
export function openGroup<T>(
  name: string,
  build: () => T,
  options: { readonly tooltip?: string; readonly expand?: DraftExpansion | undefined },
): T {
  if (current === undefined) throw new DagError(`group ${name}: groups are made inside a dag(…)`);
  const outer = current;
  const parent = outer.groups.at(-1);
  const id = parent === undefined ? name : `${parent}.${name}`;
  checkId("group", id);
  if (outer.dag.groups.some((it) => it.id === id))
    throw new DagError(`two groups have the id '${id}'`);
  outer.dag.groups.push({ id, parent, tooltip: options.tooltip });
  const { expand } = options;
  if (expand !== undefined && outer.mapped !== undefined) {
    throw new DagError(`group ${id}: a group cannot be mapped within '${outer.mapped.group}'`);
  }
  const mapped = expand === undefined ? outer.mapped : { group: id, expand };
  current = { dag: outer.dag, groups: [...outer.groups, id], mapped };
  try {
    return build();
  } finally {
    current = outer;
  }
}

/** @throws {DagError} when an id has other characters than Airflow allows, or too many. */
export function checkId(what: string, id: string): void {
  if (id.length > idLengthMax) {
    throw new DagError(`the ${what} id '${id}' is longer than ${idLengthMax} characters`);
  }
  if (!/^[\p{L}\p{N}_.~:+-]+$/u.test(id) || (what !== "run" && /[~:+]/.test(id))) {
    throw new DagError(
      `the ${what} id '${id}' must be made of letters, digits, dashes, dots and underscores`,
    );
  }
}
