import type { TaskModel } from "#dag/model/model.ts";

/** An instance, and a task that comes before it. */
export interface Dependency {
  readonly task: TaskModel;
  readonly mapIndex: number;
  readonly upstream: TaskModel | undefined;
}

/**
 * Of the instances of a task those that an instance of one after it depends on: all, but within a
 * mapped group only that of the same element. As Airflow's `get_relevant_upstream_map_indexes`.
 * @param instances of `upstream`, by map index.
 */
export function relevantInstances<I extends { readonly mapIndex: number }>(
  instances: readonly I[],
  { task, mapIndex, upstream }: Dependency,
): readonly I[] {
  if (mapIndex < 0 || task.mappedGroup === undefined) return instances;
  if (upstream?.mappedGroup !== task.mappedGroup) return instances;
  const own = instances[mapIndex];
  if (own?.mapIndex === mapIndex) return [own];
  // One that is not expanded yet stands for all of them.
  return instances.filter((it) => it.mapIndex === mapIndex || it.mapIndex < 0);
}
