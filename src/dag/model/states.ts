/**
 * The states of a task instance, in Airflow's words. Null is a task instance that nothing has been
 * decided about ("none" in Airflow).
 */
export type TaskState =
  | "scheduled"
  | "queued"
  | "running"
  | "success"
  | "failed"
  | "skipped"
  | "upstream_failed"
  | "up_for_retry"
  | "up_for_reschedule"
  | "removed";

export type RunState = "queued" | "running" | "success" | "failed";

/** How a run came to be. */
export type RunType =
  "scheduled" | "manual" | "backfill" | "asset_triggered" | "asset_materialization";

const finished: ReadonlySet<TaskState | null> = new Set<TaskState>([
  "success",
  "failed",
  "skipped",
  "upstream_failed",
  "removed",
]);

/** Whether nothing more happens to a task instance by itself. */
export function isFinished(state: TaskState | null): boolean {
  return finished.has(state);
}

/** Whether a task instance holds slots of its pool. */
export function isActive(state: TaskState | null): boolean {
  return state === "queued" || state === "running";
}

/** States whose end makes a run fail. */
export function isFailure(state: TaskState | null): boolean {
  return state === "failed" || state === "upstream_failed";
}
