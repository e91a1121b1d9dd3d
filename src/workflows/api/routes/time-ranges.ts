import type { Filter } from "#workflows/api/list.ts";

/**
 * The moments by which lists of runs, and of task instances, are filtered: those of the run, and when
 * what the list is of began, ended, and how long it took, in seconds.
 */
export function timeRanges(table: "dag_run" | "task_instance"): readonly Filter[] {
  return [
    { kind: "range", name: "run_after", column: "dag_run.run_after", of: "date" },
    { kind: "range", name: "logical_date", column: "dag_run.logical_date", of: "date" },
    { kind: "range", name: "start_date", column: `${table}.started_at`, of: "date" },
    { kind: "range", name: "end_date", column: `${table}.ended_at`, of: "date" },
    {
      kind: "range",
      name: "duration",
      column: `((${table}.ended_at - ${table}.started_at) / 1000.0)`,
      of: "number",
    },
  ];
}

/** When a run, or a task instance, was last changed. */
export function updatedRange(table: "dag_run" | "task_instance"): Filter {
  return { kind: "range", name: "updated_at", column: updatedAt(table), of: "date" };
}

/** The newest moment that is known of it. */
export function updatedAt(table: "dag_run" | "task_instance"): string {
  return `coalesce(${table}.ended_at, ${table}.started_at, ${table}.queued_at)`;
}
