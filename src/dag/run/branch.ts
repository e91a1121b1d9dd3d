import { graphOf, reachable } from "#dag/model/graph.ts";
import type { TaskModel } from "#dag/model/model.ts";

/**
 * The tasks that a branch leaves out: those directly after it that are neither followed nor reached
 * through one that is. As Airflow's `skip_all_except`.
 * @throws {Error} when a followed id is not directly after the branch.
 */
export function branchSkips(
  tasks: readonly TaskModel[],
  branch: string,
  followed: readonly string[],
): string[] {
  const { downstream, byId } = graphOf(tasks);
  const direct = downstream.get(branch) ?? [];
  const wrong = followed.filter((it) => !byId.has(it));
  if (wrong.length > 0) {
    throw new Error(`branch ${branch} chose ${wrong.join(", ")}, which the DAG does not have`);
  }
  const kept = new Set(followed);
  for (const id of followed) {
    for (const it of reachable(id, downstream)) kept.add(it);
  }
  return direct.filter((it) => !kept.has(it));
}

/**
 * The tasks that a short circuit leaves out when its condition is false: all after it, or only those
 * directly after it, whose own trigger rules then decide further. Teardowns run all the same.
 */
export function shortCircuitSkips(tasks: readonly TaskModel[], id: string): string[] {
  const { downstream, byId } = graphOf(tasks);
  const all = byId.get(id)?.ignoreDownstreamTriggerRules ?? true;
  const after = all ? [...reachable(id, downstream)] : (downstream.get(id) ?? []);
  return after.filter((it) => byId.get(it)?.teardown !== true);
}
