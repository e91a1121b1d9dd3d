import type { Database, Dialect, Queries } from "./database.ts";

/** A step of the schema, never changed once released. */
export interface Migration {
  readonly name: string;
  /** Statements, for either kind of database. */
  readonly statements: (dialect: Dialect) => readonly string[];
}

/** The names of migrations that the database does not have yet, in order. */
export async function pendingMigrations(
  database: Database,
  migrations: readonly Migration[],
): Promise<readonly string[]> {
  return await database.transaction(async (queries) => {
    const done = await appliedNames(queries);
    return migrations.map((it) => it.name).filter((it) => !done.has(it));
  }, true);
}

/**
 * Brings the schema up to date, in one transaction, so that processes may do it at the same time.
 * @returns the names of what was applied.
 * @throws {Error} when the database is from a later version of the program.
 */
export async function migrate(
  database: Database,
  migrations: readonly Migration[],
): Promise<readonly string[]> {
  return await database.transaction(async (queries) => {
    const done = await appliedNames(queries);
    const known = new Set(migrations.map((it) => it.name));
    const foreign = [...done].find((it) => !known.has(it));
    if (foreign !== undefined) {
      throw new Error(`the database has migration '${foreign}', which only a later Gantry knows`);
    }
    const applied: string[] = [];
    for (const migration of migrations.filter((it) => !done.has(it.name))) {
      for (const statement of migration.statements(database.dialect)) await queries.run(statement);
      await queries.run("insert into migration (name) values (?)", migration.name);
      applied.push(migration.name);
    }
    return applied;
  }, true);
}

async function appliedNames(queries: Queries): Promise<Set<string>> {
  await queries.run("create table if not exists migration (name text primary key)");
  const rows = await queries.rows("select name from migration");
  return new Set(rows.map((it) => String(it["name"])));
}
