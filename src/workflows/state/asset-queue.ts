import { numberOf, textOf } from "#sql/columns.ts";
import type { Queries, Value } from "#sql/database.ts";

/** Something that was made, for a DAG that waits for it and for more. */
export interface QueuedAsset {
  readonly dagId: string;
  readonly asset: string;
  /** When it was made first since the DAG's last run. */
  readonly at: number;
}

export interface QueueFilter {
  readonly dagId?: string | undefined;
  readonly asset?: string | undefined;
  /** Only what was made earlier. */
  readonly before?: number | undefined;
}

function conditionsOf(filter: QueueFilter): {
  readonly where: string;
  readonly values: readonly Value[];
} {
  const given = [
    ["dag_id = ?", filter.dagId],
    ["asset = ?", filter.asset],
    ["at < ?", filter.before],
  ] as const;
  const set = given.flatMap(([sql, value]) => (value === undefined ? [] : [{ sql, value }]));
  return {
    where: ["1 = 1", ...set.map((it) => it.sql)].join(" and "),
    values: set.map((it) => it.value),
  };
}

export async function listQueuedAssets(
  queries: Queries,
  filter: QueueFilter,
): Promise<readonly QueuedAsset[]> {
  const { where, values } = conditionsOf(filter);
  const sql = `select dag_id, asset, at from asset_queue where ${where} order by at, dag_id, asset`;
  const rows = await queries.rows(sql, ...values);
  return rows.map((row) => ({
    dagId: textOf(row, "dag_id"),
    asset: textOf(row, "asset"),
    at: numberOf(row, "at"),
  }));
}

/** Has DAGs wait anew. @returns how many there were. */
export async function deleteQueuedAssets(queries: Queries, filter: QueueFilter): Promise<number> {
  const { where, values } = conditionsOf(filter);
  return await queries.run(`delete from asset_queue where ${where}`, ...values);
}
