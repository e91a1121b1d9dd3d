import { maybeNumber, maybeText, numberOf, textOf } from "#sql/columns.ts";
import { insertRows, type Queries } from "#sql/database.ts";
import { onKill, type JobCallback } from "#workflows/worker/protocol.ts";
import { leavesBehind } from "#workflows/operators/leaves-behind.ts";
import type { InstanceRow } from "./instances.ts";
import type { RunKey } from "./runs.ts";

/** A callback that is still to be called: of a run, or of a try that could not call its own. */
export interface NewCallback extends RunKey {
  readonly name: JobCallback["name"];
  /** Undefined for one of the DAG. */
  readonly task:
    { readonly id: string; readonly mapIndex: number; readonly tryNumber: number } | undefined;
  readonly error: string | undefined;
  /** The deadline that was missed, by its place in the DAG's model. */
  readonly deadline?: MissedDeadline | undefined;
}

export interface MissedDeadline {
  readonly position: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

export interface CallbackRow extends NewCallback {
  readonly id: number;
}

export async function saveCallbacks(
  queries: Queries,
  callbacks: readonly NewCallback[],
): Promise<void> {
  await insertRows(
    queries,
    "callback",
    [
      ...["dag_id", "run_id", "name", "task_id", "map_index", "try_number", "error"],
      ...["deadline_position", "deadline_at"],
    ],
    callbacks.map(({ dagId, runId, name, task, error, deadline }) => [
      ...[dagId, runId, name, task?.id ?? null],
      ...[task?.mapIndex ?? -1, task?.tryNumber ?? 0, error ?? null],
      ...[deadline?.position ?? null, deadline?.at ?? null],
    ]),
  );
}

/** Takes the oldest that nobody has. Undefined when there is none. */
export async function claimCallback(
  queries: Queries,
  owner: string,
): Promise<CallbackRow | undefined> {
  const [row] = await queries.rows(
    `update callback set owner = ?
     where id = (select min(id) from callback where owner is null) returning *`,
    owner,
  );
  if (row === undefined) return undefined;
  const task = maybeText(row, "task_id");
  const position = maybeNumber(row, "deadline_position");
  return {
    id: numberOf(row, "id"),
    dagId: textOf(row, "dag_id"),
    runId: textOf(row, "run_id"),
    name: textOf(row, "name") as JobCallback["name"],
    task:
      task === undefined
        ? undefined
        : {
            id: task,
            mapIndex: numberOf(row, "map_index"),
            tryNumber: numberOf(row, "try_number"),
          },
    error: maybeText(row, "error"),
    deadline: position === undefined ? undefined : { position, at: numberOf(row, "deadline_at") },
  };
}

export async function deleteCallback(queries: Queries, id: number): Promise<void> {
  await queries.run("delete from callback where id = ?", id);
}

/** Gives what somebody had taken to others. */
export async function releaseCallbacks(queries: Queries, owner: string): Promise<void> {
  await queries.run("update callback set owner = null where owner = ?", owner);
}

/** What ends the pods and containers of an instance's tries; undefined when it can have none. */
export function killOf(
  it: Pick<InstanceRow, "dagId" | "runId" | "taskId" | "mapIndex" | "tryNumber" | "operator">,
): NewCallback | undefined {
  if (it.tryNumber === 0 || !leavesBehind.has(it.operator)) return undefined;
  const { dagId, runId, taskId: id, mapIndex, tryNumber } = it;
  const task = { id, mapIndex, tryNumber };
  return { dagId, runId, name: onKill, task, error: undefined };
}

/** Has what tries of these instances may have left elsewhere ended. */
export async function saveKills(
  queries: Queries,
  instances: readonly Parameters<typeof killOf>[0][],
): Promise<void> {
  const kills = instances.map(killOf).filter((it) => it !== undefined);
  if (kills.length > 0) await saveCallbacks(queries, kills);
}
