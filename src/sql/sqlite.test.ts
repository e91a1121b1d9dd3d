import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { databaseSuite } from "#testing/database-suite.ts";
import type { Database } from "./database.ts";
import { openSqlite } from "./sqlite.ts";

databaseSuite("SQLite in memory", async () => openSqlite(":memory:"));

databaseSuite("SQLite in a file", async (): Promise<Database> => {
  const folder = mkdtempSync(join(tmpdir(), "gantry-sqlite-"));
  const database = openSqlite(join(folder, "test.sqlite"));
  const close = database[Symbol.asyncDispose].bind(database);
  return Object.assign(database, {
    [Symbol.asyncDispose]: async () => {
      await close();
      rmSync(folder, { recursive: true });
    },
  });
});
