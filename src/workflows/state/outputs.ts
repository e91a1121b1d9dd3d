import type { Json } from "#api/object.ts";
import { lengthOf } from "#dag/run/expansion.ts";
import { maybeNumber, maybeText, numberOf, textOf } from "#sql/columns.ts";
import { insertRows, type Queries, type Row } from "#sql/database.ts";
import type { HandedOn, OutputObject } from "#workflows/worker/protocol.ts";
import type { InstanceKey } from "./instances.ts";
import type { RunKey } from "./runs.ts";

/** Most bytes of one value that a task hands on. */
export const outputSizeMax = 1_048_576;

/** Stores what a task hands on, in place of what it handed on before. */
export async function saveOutput(
  queries: Queries,
  key: InstanceKey & { readonly name: string },
  handedOn: HandedOn,
  now: number,
): Promise<void> {
  await saveOutputs(queries, [{ ...key, ...handedOn }], now);
}

/** A value that an instance hands on. */
export type NewOutput = InstanceKey & HandedOn & { readonly name: string };

/** Of two values under one name the later one counts. */
export async function saveOutputs(
  queries: Queries,
  outputs: readonly NewOutput[],
  now: number,
): Promise<void> {
  const rows = outputs.map(({ dagId, runId, taskId, mapIndex, name, value, object }) => {
    const key = [dagId, runId, taskId, mapIndex, name] as const;
    const length = object === undefined ? lengthOf(value) : object.length;
    return [...key, JSON.stringify(value), length ?? null, now, object?.path ?? null] as const;
  });
  const byKey = new Map(rows.map((row) => [JSON.stringify(row.slice(0, 5)), row]));
  await insertRows(
    queries,
    "output",
    ["dag_id", "run_id", "task_id", "map_index", "name", "value", "length", "at", "object_path"],
    [...byKey.values()],
    `on conflict (dag_id, run_id, task_id, map_index, name)
     do update set value = excluded.value, length = excluded.length, at = excluded.at,
       object_path = excluded.object_path`,
  );
}

/** What a new try of an instance must not find. */
export async function clearOutputs(queries: Queries, key: InstanceKey): Promise<void> {
  await queries.run(
    "delete from output where dag_id = ? and run_id = ? and task_id = ? and map_index = ?",
    key.dagId,
    key.runId,
    key.taskId,
    key.mapIndex,
  );
}

/** False when there is none of that name. */
export async function deleteOutput(
  queries: Queries,
  key: InstanceKey & { readonly name: string },
): Promise<boolean> {
  const deleted = await queries.run(
    "delete from output where dag_id = ? and run_id = ? and task_id = ? and map_index = ? and name = ?",
    key.dagId,
    key.runId,
    key.taskId,
    key.mapIndex,
    key.name,
  );
  return deleted > 0;
}

export interface StoredOutput {
  readonly taskId: string;
  readonly mapIndex: number;
  readonly name: string;
  /** Where it is, if it is an object. */
  readonly value: Json;
  readonly object: OutputObject | undefined;
}

function storedOutput(row: Row): StoredOutput {
  const path = maybeText(row, "object_path");
  return {
    taskId: textOf(row, "task_id"),
    mapIndex: numberOf(row, "map_index"),
    name: textOf(row, "name"),
    value: JSON.parse(textOf(row, "value")) as Json,
    object: path === undefined ? undefined : { path, length: maybeNumber(row, "length") },
  };
}

/** All values of a name that a task's instances handed on, by map index. */
export async function outputsOf(
  queries: Queries,
  run: RunKey,
  taskId: string,
  name: string,
): Promise<readonly StoredOutput[]> {
  const rows = await queries.rows(
    `select * from output
     where dag_id = ? and run_id = ? and task_id = ? and name = ? order by map_index`,
    run.dagId,
    run.runId,
    taskId,
    name,
  );
  return rows.map(storedOutput);
}

/** Everything that a run's tasks handed on. */
export async function listOutputs(queries: Queries, run: RunKey): Promise<readonly StoredOutput[]> {
  const rows = await queries.rows(
    `select * from output where dag_id = ? and run_id = ?
     order by task_id, map_index, name`,
    run.dagId,
    run.runId,
  );
  return rows.map(storedOutput);
}
