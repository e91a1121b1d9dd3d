import type { TaskModel, WeightRule } from "./model.ts";

/** What the edges of a DAG say, worked out once. Ids are task ids. */
export interface Graph {
  readonly byId: ReadonlyMap<string, TaskModel>;
  readonly downstream: ReadonlyMap<string, readonly string[]>;
}

const graphs = new WeakMap<readonly TaskModel[], Graph>();

/** The graph of a DAG's tasks; remembered for the same array. */
export function graphOf(tasks: readonly TaskModel[]): Graph {
  const known = graphs.get(tasks);
  if (known !== undefined) return known;
  const byId = new Map(tasks.map((it) => [it.id, it]));
  const graph = { byId, downstream: downstreamOf(tasks) };
  graphs.set(tasks, graph);
  return graph;
}

/** A task as far as its place in the graph goes. */
export interface Node {
  readonly id: string;
  readonly upstream: readonly string[];
}

/** For each task the ids of those directly after it, in the order of `tasks`. */
export function downstreamOf(tasks: readonly Node[]): Map<string, string[]> {
  const downstream = new Map<string, string[]>(tasks.map((it) => [it.id, []]));
  for (const task of tasks) {
    for (const before of task.upstream) downstream.get(before)?.push(task.id);
  }
  return downstream;
}

export type Order<T> =
  | { readonly kind: "ordered"; readonly tasks: readonly T[] }
  /** Ids along the cycle; the first comes again at the end. */
  | { readonly kind: "cycle"; readonly ids: readonly string[] };

/** Puts tasks after those before them, keeping the given order where the edges leave a choice. */
export function orderTasks<T extends Node>(tasks: readonly T[]): Order<T> {
  const byId = new Map(tasks.map((it) => [it.id, it]));
  const waiting = new Map(tasks.map((it) => [it.id, it.upstream.length]));
  const downstream = downstreamOf(tasks);
  const ready = tasks.filter((it) => it.upstream.length === 0);
  for (let at = 0; at < ready.length; at += 1) {
    for (const id of downstream.get(ready[at]?.id ?? "") ?? []) {
      const left = (waiting.get(id) ?? 0) - 1;
      waiting.set(id, left);
      const task = byId.get(id);
      if (left === 0 && task !== undefined) ready.push(task);
    }
  }
  if (ready.length === tasks.length) return { kind: "ordered", tasks: ready };
  const done = new Set(ready.map((it) => it.id));
  return { kind: "cycle", ids: findCycle(tasks.filter((it) => !done.has(it.id))) };
}

/** Every task left has one before it that is left too, so walking back must meet itself. */
function findCycle(left: readonly Node[]): string[] {
  const byId = new Map(left.map((it) => [it.id, it]));
  const trail: string[] = [];
  let at: Node | undefined = left[0];
  while (at !== undefined && !trail.includes(at.id)) {
    trail.push(at.id);
    at = byId.get(at.upstream.find((it) => byId.has(it)) ?? "");
  }
  if (at === undefined) return trail;
  return [...trail.slice(trail.indexOf(at.id)), at.id].reverse();
}

/** Every task that is reached from `id` along the edges, without itself. */
export function reachable(id: string, edges: ReadonlyMap<string, readonly string[]>): Set<string> {
  const found = new Set<string>();
  const open = [...(edges.get(id) ?? [])];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (found.has(next)) continue;
    found.add(next);
    open.push(...(edges.get(next) ?? []));
  }
  return found;
}

/** The weight that the queue counts: by `downstream`, its own and those of all tasks after it. */
export function totalWeight(
  task: Node & { readonly priorityWeight: number; readonly weightRule: WeightRule },
  weights: ReadonlyMap<string, number>,
  edges: {
    readonly downstream: ReadonlyMap<string, readonly string[]>;
    readonly upstream: ReadonlyMap<string, readonly string[]>;
  },
): number {
  if (task.weightRule === "absolute") return task.priorityWeight;
  let sum = task.priorityWeight;
  for (const id of reachable(task.id, edges[task.weightRule])) sum += weights.get(id) ?? 0;
  // What a 32-bit column holds, as Airflow bounds it.
  return Math.max(-2_147_483_648, Math.min(2_147_483_647, sum));
}
