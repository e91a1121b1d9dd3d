import { maybeText, textOf } from "#sql/columns.ts";
import type { Queries, Row } from "#sql/database.ts";
import type { Vault } from "./vault.ts";

export interface Variable {
  readonly name: string;
  readonly value: string;
  readonly description: string | undefined;
}

/** A row of table `variable`. */
export function variableRow(vault: Vault, row: Row): Variable {
  return {
    name: textOf(row, "name"),
    value: vault.open(textOf(row, "value")),
    description: maybeText(row, "description"),
  };
}

/** Variables of the database; those of the environment are not among them. */
export async function listVariables(queries: Queries, vault: Vault): Promise<readonly Variable[]> {
  const rows = await queries.rows("select * from variable order by name");
  return rows.map((row) => variableRow(vault, row));
}

export async function findVariableRow(
  queries: Queries,
  vault: Vault,
  name: string,
): Promise<Variable | undefined> {
  const [row] = await queries.rows("select * from variable where name = ?", name);
  return row === undefined ? undefined : variableRow(vault, row);
}

/** The value alone. */
export async function findVariable(
  queries: Queries,
  vault: Vault,
  name: string,
): Promise<string | undefined> {
  return (await findVariableRow(queries, vault, name))?.value;
}

export async function saveVariable(
  queries: Queries,
  vault: Vault,
  variable: Variable,
): Promise<void> {
  await queries.run(
    `insert into variable (name, value, description) values (?, ?, ?)
     on conflict (name) do update set value = excluded.value,
       description = coalesce(excluded.description, variable.description)`,
    variable.name,
    vault.seal(variable.value),
    variable.description ?? null,
  );
}

/** False when there is none. */
export async function deleteVariable(queries: Queries, name: string): Promise<boolean> {
  return (await queries.run("delete from variable where name = ?", name)) > 0;
}
