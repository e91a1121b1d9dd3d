import { numberOf, textOf } from "#sql/columns.ts";
import type { Queries, Row } from "#sql/database.ts";

/** Someone who may use the REST API. */
export interface Account {
  readonly name: string;
  /** One of the roles that the API knows. */
  readonly role: string;
  /** A salted hash; never shown. */
  readonly passwordHash: string;
  /** When role or password changed last: what was granted before counts no longer. */
  readonly changedAt: number;
}

function account(row: Row): Account {
  return {
    name: textOf(row, "name"),
    role: textOf(row, "role"),
    passwordHash: textOf(row, "password_hash"),
    changedAt: numberOf(row, "changed_at"),
  };
}

export async function listAccounts(queries: Queries): Promise<readonly Account[]> {
  return (await queries.rows("select * from account order by name")).map(account);
}

export async function findAccount(queries: Queries, name: string): Promise<Account | undefined> {
  return (await queries.rows("select * from account where name = ?", name)).map(account)[0];
}

/** False when there is one of that name. */
export async function addAccount(queries: Queries, it: Account): Promise<boolean> {
  const added = await queries.run(
    "insert into account (name, role, password_hash, changed_at) values (?, ?, ?, ?) on conflict do nothing",
    it.name,
    it.role,
    it.passwordHash,
    it.changedAt,
  );
  return added > 0;
}

/** False when there is none of that name. */
export async function changePassword(
  queries: Queries,
  it: Pick<Account, "name" | "passwordHash" | "changedAt">,
): Promise<boolean> {
  const changed = await queries.run(
    "update account set password_hash = ?, changed_at = ? where name = ?",
    it.passwordHash,
    it.changedAt,
    it.name,
  );
  return changed > 0;
}

/** False when there is none of that name. */
export async function deleteAccount(queries: Queries, name: string): Promise<boolean> {
  return (await queries.run("delete from account where name = ?", name)) > 0;
}
