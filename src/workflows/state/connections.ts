import type { Connection } from "#dag/connection/connection.ts";
import { textOf } from "#sql/columns.ts";
import type { Queries } from "#sql/database.ts";
import type { Vault } from "./vault.ts";

/** Connections of the database; those of the environment are not among them. */
export async function listConnections(
  queries: Queries,
  vault: Vault,
): Promise<readonly Connection[]> {
  const rows = await queries.rows("select value from connection order by conn_id");
  return rows.map((row) => JSON.parse(vault.open(textOf(row, "value"))) as Connection);
}

export async function findConnection(
  queries: Queries,
  vault: Vault,
  id: string,
): Promise<Connection | undefined> {
  const [row] = await queries.rows("select value from connection where conn_id = ?", id);
  return row === undefined
    ? undefined
    : (JSON.parse(vault.open(textOf(row, "value"))) as Connection);
}

/** False when there is one of that id. */
export async function addConnection(
  queries: Queries,
  vault: Vault,
  connection: Connection,
): Promise<boolean> {
  const added = await queries.run(
    "insert into connection (conn_id, type, value, description) values (?, ?, ?, ?) on conflict do nothing",
    connection.id,
    connection.type,
    vault.seal(JSON.stringify(connection)),
    connection.description ?? null,
  );
  return added > 0;
}

/** False when there is none. */
export async function deleteConnection(queries: Queries, id: string): Promise<boolean> {
  return (await queries.run("delete from connection where conn_id = ?", id)) > 0;
}

/** Adds a connection, or puts it in the place of the one that has its id. */
export async function saveConnection(
  queries: Queries,
  vault: Vault,
  connection: Connection,
): Promise<void> {
  await queries.run(
    `insert into connection (conn_id, type, value, description) values (?, ?, ?, ?)
     on conflict (conn_id) do update set type = excluded.type, value = excluded.value,
       description = excluded.description`,
    connection.id,
    connection.type,
    vault.seal(JSON.stringify(connection)),
    connection.description ?? null,
  );
}
