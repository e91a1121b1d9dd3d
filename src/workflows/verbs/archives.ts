import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { textOf } from "#sql/columns.ts";
import type { Queries, Row } from "#sql/database.ts";
import type { VerbSession } from "./session.ts";

/** How tables of what was taken away begin; as Airflow's. */
const prefix = "_airflow_deleted__";

/** Keeps rows that are about to be taken away, in a table of their own. @returns its name. */
export async function archiveRows(
  queries: Queries,
  from: { readonly table: string; readonly where: string; readonly before: number },
  now: number,
): Promise<string> {
  const stamp = new Date(now).toISOString().replaceAll(/\D/g, "").slice(0, 14);
  const name = `${prefix}${from.table}__${stamp}`;
  // A statement that makes a table takes no parameters.
  const where = from.where.replaceAll("?", String(Math.trunc(from.before)));
  await queries.run(`create table ${name} as select * from ${from.table} where ${where}`);
  return name;
}

/** The archives that there are; of some tables when they are named. */
async function listArchives(
  { database }: VerbSession,
  tables: readonly string[] | undefined,
): Promise<readonly string[]> {
  const sql =
    database.dialect === "sqlite"
      ? "select name from sqlite_master where type = 'table'"
      : "select tablename as name from pg_tables where schemaname = current_schema()";
  const names = (await database.rows(sql)).map((row) => textOf(row, "name"));
  return names
    .filter((it) => /^_airflow_deleted__\w+__\d{14}$/.test(it))
    .filter((it) => tables?.some((table) => it.startsWith(`${prefix}${table}__`)) ?? true)
    .sort();
}

/** Writes archives as CSV files into a folder; then they may be dropped. */
export async function dbExportArchived(
  session: VerbSession,
  given: {
    readonly outputPath: string;
    readonly tables: readonly string[] | undefined;
    readonly dropArchives: boolean;
  },
): Promise<void> {
  mkdirSync(given.outputPath, { recursive: true });
  const names = await listArchives(session, given.tables);
  for (const name of names) {
    const rows = await session.database.rows(`select * from ${name}`);
    const file = join(given.outputPath, `${name}.csv`);
    writeFileSync(file, csvOf(rows), { mode: 0o600 });
    session.out(`Exporting table ${name} to ${file}\n`);
  }
  if (given.dropArchives) await drop(session, names);
  session.out(`Total exported tables: ${names.length}\n`);
}

/** Drops archives for good. */
export async function dbDropArchived(
  session: VerbSession,
  tables: readonly string[] | undefined,
): Promise<void> {
  const names = await listArchives(session, tables);
  await drop(session, names);
  session.out(`Total dropped tables: ${names.length}\n`);
}

async function drop({ database }: VerbSession, names: readonly string[]): Promise<void> {
  for (const name of names) await database.run(`drop table ${name}`);
}

function csvOf(rows: readonly Row[]): string {
  const columns = Object.keys(rows[0] ?? {});
  const lines = rows.map((row) => columns.map((it) => field(row[it] ?? "")).join(","));
  return [columns.join(","), ...lines, ""].join("\n");
}

function field(value: string | number): string {
  const text = String(value);
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
