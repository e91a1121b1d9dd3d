import { graphOf } from "#dag/model/graph.ts";
import type { TaskModel } from "#dag/model/model.ts";
import type { TaskState } from "#dag/model/states.ts";
import type { Facts } from "#dag/run/plan.ts";
import type { InstanceRow } from "#workflows/state/instances.ts";
import type { RunRow } from "#workflows/state/runs.ts";

/** Why the run before, with its instances, holds tasks back. As Airflow's `PrevDagrunDep`. */
export function pastOf(
  tasks: readonly TaskModel[],
  before: RunRow,
  instances: readonly InstanceRow[],
): Facts["past"] {
  const states = new Map<string, (TaskState | null)[]>();
  for (const { taskId, state } of instances) {
    states.set(taskId, [...(states.get(taskId) ?? []), state]);
  }
  const { downstream } = graphOf(tasks);
  return (task: TaskModel) => {
    if (!task.dependsOnPast) return undefined;
    const own = states.get(task.id);
    if (own === undefined) {
      if (before.state === "queued") return `the run before, ${before.runId}, has not begun`;
      return task.ignoreFirstDependsOnPast ? undefined : `it has not run in ${before.runId}`;
    }
    if (!own.every(isGood)) return `it has not succeeded in the run before, ${before.runId}`;
    if (!task.waitForDownstream) return undefined;
    const after = (downstream.get(task.id) ?? []).find(
      (id) => !(states.get(id) ?? []).every(isGood),
    );
    return after === undefined ? undefined : `${after} has not succeeded in ${before.runId}`;
  };
}

function isGood(state: TaskState | null): boolean {
  return state === "success" || state === "skipped";
}
