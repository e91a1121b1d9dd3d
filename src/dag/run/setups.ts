import { graphOf, reachable } from "#dag/model/graph.ts";
import type { TaskModel } from "#dag/model/model.ts";

const known = new WeakMap<readonly TaskModel[], ReadonlyMap<string, readonly string[]>>();

/**
 * For each task the setup tasks anywhere before it that it needs though it does not depend on them
 * directly: those without a teardown, and those whose teardown comes after the task. As Airflow's
 * `get_upstreams_only_setups`.
 */
export function indirectSetups(
  tasks: readonly TaskModel[],
): ReadonlyMap<string, readonly string[]> {
  const remembered = known.get(tasks);
  if (remembered !== undefined) return remembered;
  const found = new Map<string, string[]>();
  const { byId, downstream } = graphOf(tasks);
  for (const setup of tasks.filter((it) => it.setup)) {
    const teardowns = (downstream.get(setup.id) ?? []).filter(
      (it) => byId.get(it)?.teardown === true,
    );
    const before = teardowns.map((it) => reachable(it, upstreamEdges(tasks)));
    for (const id of reachable(setup.id, downstream)) {
      const task = byId.get(id);
      if (task === undefined || task.teardown || task.upstream.includes(setup.id)) continue;
      if (teardowns.length > 0 && !before.some((it) => it.has(id))) continue;
      found.set(id, [...(found.get(id) ?? []), setup.id]);
    }
  }
  known.set(tasks, found);
  return found;
}

function upstreamEdges(tasks: readonly TaskModel[]): Map<string, readonly string[]> {
  return new Map(tasks.map((it) => [it.id, it.upstream]));
}
