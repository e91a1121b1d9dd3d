// PostgreSQL from Debian's packages: the SQL suite, and the simulation of several schedulers.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openPostgres } from "#sql/postgres.ts";
import { databaseSuite } from "#testing/database-suite.ts";
import { PostgresProcess } from "#testing/postgres-process.ts";
import { simulateSchedulers } from "#testing/scheduler-simulation.ts";
import type { Database } from "#sql/database.ts";

let server: PostgresProcess | undefined;

async function fresh(): Promise<Database> {
  assert.ok(server);
  return openPostgres(await server.create(), { connections: 5 });
}

before(async () => {
  server = await PostgresProcess.start(["fsync=off"]);
});

after(async () => {
  await server?.[Symbol.asyncDispose]();
});

databaseSuite("PostgreSQL", fresh);

test("PostgreSQL: several schedulers keep every promise", { timeout: 120_000 }, async () => {
  await using database = await fresh();
  const figures = await simulateSchedulers(database, 2, 150);
  assert.ok(figures.runs > 3, JSON.stringify(figures));
});
