import { numberOf, textOf } from "#sql/columns.ts";
import type { Queries } from "#sql/database.ts";
import type { TaskState } from "#dag/model/states.ts";
import type { InstanceKey } from "./instances.ts";

/** A try of a task instance that is over, as the events tell of it. */
export interface FormerTry {
  readonly tryNumber: number;
  readonly startedAt: number | undefined;
  readonly endedAt: number | undefined;
  readonly state: TaskState;
}

const endNames = new Set(["success", "failed", "skipped", "up_for_retry", "upstream_failed"]);

/** The tries of an instance before `before`, in order. */
export async function formerTries(
  queries: Queries,
  key: InstanceKey,
  before: number,
): Promise<readonly FormerTry[]> {
  const rows = await queries.rows(
    `select at, name, try_number from event where dag_id = ? and run_id = ? and task_id = ?
       and map_index = ? and try_number > 0 and try_number < ? order by id`,
    key.dagId,
    key.runId,
    key.taskId,
    key.mapIndex,
    before,
  );
  const tries = new Map<number, FormerTry>();
  for (const row of rows) {
    const tryNumber = numberOf(row, "try_number");
    const known = tries.get(tryNumber);
    const name = textOf(row, "name").replace(/^task\.(set_)?/, "");
    const at = numberOf(row, "at");
    const start = { tryNumber, endedAt: undefined, state: "failed" as const };
    if (name === "running") tries.set(tryNumber, { startedAt: at, ...start, ...known });
    // A try that was to be made again has failed.
    else if (endNames.has(name)) {
      const state = name === "up_for_retry" ? "failed" : (name as TaskState);
      tries.set(tryNumber, { ...start, startedAt: known?.startedAt, endedAt: at, state });
    }
  }
  return [...tries.values()];
}
