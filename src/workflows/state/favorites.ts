import type { Queries } from "#sql/database.ts";
import { textOf } from "#sql/columns.ts";

/** A person's mark on a DAG. */
export interface Favorite {
  readonly account: string;
  readonly dagId: string;
}

/** Marks a DAG; one that is marked already stays so. */
export async function addFavorite(queries: Queries, it: Favorite): Promise<void> {
  const sql = "insert into favorite (account, dag_id) values (?, ?) on conflict do nothing";
  await queries.run(sql, it.account, it.dagId);
}

/** False when it was not marked. */
export async function removeFavorite(queries: Queries, it: Favorite): Promise<boolean> {
  const sql = "delete from favorite where account = ? and dag_id = ?";
  return (await queries.run(sql, it.account, it.dagId)) > 0;
}

/** The DAGs that a person has marked. */
export async function favoritesOf(queries: Queries, account: string): Promise<ReadonlySet<string>> {
  const rows = await queries.rows("select dag_id from favorite where account = ?", account);
  return new Set(rows.map((row) => textOf(row, "dag_id")));
}
