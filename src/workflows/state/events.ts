import type { AssetModel } from "#dag/assets/asset.ts";
import { insertRows, type Queries } from "#sql/database.ts";
import { maybeNumber, maybeText, numberOf, textOf } from "#sql/columns.ts";

/** Something that happened, for the record; Airflow's event log. */
export interface WorkflowEvent {
  readonly at: number;
  readonly name: string;
  readonly dagId?: string | undefined;
  readonly runId?: string | undefined;
  readonly taskId?: string | undefined;
  readonly mapIndex?: number | undefined;
  readonly tryNumber?: number | undefined;
  readonly owner?: string | undefined;
  readonly extra?: string | undefined;
  /** What the moment ends, for who measures; it is not stored. */
  readonly measured?: Measured | undefined;
}

/** Moments before an event, and what it is of. */
export interface Measured {
  /** From when on it could have begun. */
  readonly dueAt?: number | undefined;
  readonly startedAt?: number | undefined;
  readonly operator?: string | undefined;
  /** What a task reads and makes. */
  readonly reads?: readonly AssetModel[] | undefined;
  readonly makes?: readonly AssetModel[] | undefined;
}

export async function saveEvents(
  queries: Queries,
  events: readonly WorkflowEvent[],
): Promise<void> {
  await insertRows(
    queries,
    "event",
    ["at", "name", "dag_id", "run_id", "task_id", "map_index", "try_number", "owner", "extra"],
    events.map((it) => [
      it.at,
      it.name,
      it.dagId ?? null,
      it.runId ?? null,
      it.taskId ?? null,
      it.mapIndex ?? null,
      it.tryNumber ?? null,
      it.owner ?? null,
      it.extra ?? null,
    ]),
  );
}

/** The events of a DAG, or of one run of it, in order. */
export async function listEvents(
  queries: Queries,
  of: { readonly dagId: string; readonly runId?: string | undefined },
  limit: number,
): Promise<readonly WorkflowEvent[]> {
  const run = of.runId === undefined ? "" : "and run_id = ?";
  const rows = await queries.rows(
    `select * from event where dag_id = ? ${run} order by id limit ?`,
    of.dagId,
    ...(of.runId === undefined ? [] : [of.runId]),
    limit,
  );
  return rows.map((row) => ({
    at: numberOf(row, "at"),
    name: textOf(row, "name"),
    dagId: maybeText(row, "dag_id"),
    runId: maybeText(row, "run_id"),
    taskId: maybeText(row, "task_id"),
    mapIndex: maybeNumber(row, "map_index"),
    tryNumber: maybeNumber(row, "try_number"),
    owner: maybeText(row, "owner"),
    extra: maybeText(row, "extra"),
  }));
}
