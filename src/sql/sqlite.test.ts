import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
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

test("openSqlite: waits for a process that has the file for itself", async () => {
  const folder = mkdtempSync(join(tmpdir(), "gantry-sqlite-"));
  const path = join(folder, "state.db");
  await openSqlite(path)[Symbol.asyncDispose]();
  // As another process has it while it puts in order what a killed one left.
  const holds = `
    import { DatabaseSync } from "node:sqlite";
    const database = new DatabaseSync(${JSON.stringify(path)});
    database.exec("pragma locking_mode = exclusive; begin exclusive; create table t (a)");
    process.stdout.write("held");
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500);
    database.exec("commit");
    database.close();`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", holds], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  await using database = openSqlite(path);
  assert.deepEqual(await database.rows("select a from t"), []);
  rmSync(folder, { recursive: true });
});
