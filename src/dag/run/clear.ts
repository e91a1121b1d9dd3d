import { graphOf, reachable } from "#dag/model/graph.ts";
import { isActive, type TaskState } from "#dag/model/states.ts";
import type { TaskModel } from "#dag/model/model.ts";
import { expansionTasks } from "./expansion.ts";
import { indirectSetups } from "./setups.ts";

/** Which task instances of a run are to run again. */
export interface ClearChoice {
  /** Of these tasks; all when undefined. */
  readonly tasks: ReadonlySet<string> | undefined;
  /** Only these instances of them; all when undefined. */
  readonly mapIndexes?: ReadonlySet<number> | undefined;
  readonly upstream: boolean;
  readonly downstream: boolean;
  /** Only what failed, or could not run since something failed. */
  readonly onlyFailed: boolean;
  readonly onlyRunning: boolean;
}

interface Instance {
  readonly taskId: string;
  readonly mapIndex: number;
  readonly state: TaskState | null;
}

/**
 * The instances that a choice names, with the setups and teardowns that they need to run again. What
 * has not been decided about is left as it is. As Airflow's `clear_task_instances`.
 */
export function instancesToClear<I extends Instance>(
  tasks: readonly TaskModel[],
  instances: readonly I[],
  choice: ClearChoice,
): readonly I[] {
  const chosen = choice.tasks ?? new Set(tasks.map((it) => it.id));
  const ids = taskIds(tasks, chosen, choice);
  const alike = withinRepetitions(tasks, chosen);
  const named = instances.filter((it) => {
    if (!ids.has(it.taskId) || it.state === null) return false;
    const { mapIndexes } = choice;
    if (mapIndexes !== undefined && alike.has(it.taskId) && !mapIndexes.has(it.mapIndex)) {
      return false;
    }
    if (choice.onlyFailed && it.state !== "failed" && it.state !== "upstream_failed") return false;
    return !choice.onlyRunning || isActive(it.state);
  });
  const around = tasksAround(tasks, new Set(named.map((it) => it.taskId)));
  const known = new Set<Instance>(named);
  const needed = instances.filter(
    (it) => around.has(it.taskId) && it.state !== null && !known.has(it),
  );
  return [...named, ...needed];
}

/** The tasks that are chosen, with those of the mapped groups that they are in. */
function withinRepetitions(
  tasks: readonly TaskModel[],
  chosen: ReadonlySet<string>,
): ReadonlySet<string> {
  const groups = new Set(tasks.flatMap((it) => (chosen.has(it.id) ? (it.mappedGroup ?? []) : [])));
  const beside = tasks.filter((it) => groups.has(it.mappedGroup ?? ""));
  return new Set([...chosen, ...beside.map((it) => it.id)]);
}

/** The tasks that are named, with those before or after them. */
function taskIds(
  tasks: readonly TaskModel[],
  chosen: ReadonlySet<string>,
  { upstream, downstream }: ClearChoice,
): ReadonlySet<string> {
  const graph = graphOf(tasks);
  const before = new Map(tasks.map((it) => [it.id, it.upstream]));
  const ids = new Set(chosen);
  for (const id of chosen) {
    if (downstream) for (const it of reachable(id, graph.downstream)) ids.add(it);
    if (upstream) for (const it of reachable(id, before)) ids.add(it);
  }
  return ids;
}

/** The setups that tasks need, with what clears up after these. */
function tasksAround(tasks: readonly TaskModel[], ids: Iterable<string>): ReadonlySet<string> {
  const { byId, downstream } = graphOf(tasks);
  const around = new Set<string>();
  for (const id of ids) {
    for (const setup of [
      ...(byId.get(id)?.upstream ?? []),
      ...(indirectSetups(tasks).get(id) ?? []),
    ]) {
      if (byId.get(setup)?.setup !== true) continue;
      const after = downstream.get(setup) ?? [];
      for (const it of [setup, ...after.filter((at) => byId.get(at)?.teardown === true)]) {
        around.add(it);
      }
    }
  }
  return around;
}

/**
 * Mapped tasks that are to be mapped anew, since all their instances and something that they are
 * mapped over run again.
 */
export function remappedTasks(
  tasks: readonly TaskModel[],
  instances: readonly Instance[],
  cleared: readonly Instance[],
): readonly string[] {
  const counts = Map.groupBy(instances, (it) => it.taskId);
  const again = Map.groupBy(cleared, (it) => it.taskId);
  return tasks
    .filter((task) => {
      if (task.expand === undefined) return false;
      const count = again.get(task.id)?.length ?? 0;
      if (count === 0 || count !== counts.get(task.id)?.length) return false;
      const inputs = task.mappedGroup === undefined ? task.upstream : expansionTasks(task.expand);
      return inputs.some((it) => again.has(it));
    })
    .map((it) => it.id);
}
