import { textOf } from "#sql/columns.ts";
import type { Database, Queries } from "#sql/database.ts";

/** Asks for files of DAGs to be read though they have not changed; paths below the folder of DAGs. */
export async function requestParsing(database: Database, files: readonly string[]): Promise<void> {
  await database.transaction(async (queries) => {
    for (const file of files) {
      await queries.run("insert into parse_request (file) values (?) on conflict do nothing", file);
    }
  });
  await database.notify();
}

/** The files that are asked for. */
export async function requestedFiles(queries: Queries): Promise<readonly string[]> {
  const rows = await queries.rows("select file from parse_request order by file");
  return rows.map((row) => textOf(row, "file"));
}

/** They are about to be read. */
export async function forgetRequests(queries: Queries, files: readonly string[]): Promise<void> {
  for (const file of files) await queries.run("delete from parse_request where file = ?", file);
}
