import assert from "node:assert/strict";
import { test } from "node:test";
import { openSqlite } from "#sql/sqlite.ts";
import { simulateSchedulers } from "#testing/scheduler-simulation.ts";

test("Scheduler: several on one database, with faults and deaths, keep every promise", async () => {
  for (let seed = 1; seed <= 3; seed += 1) {
    await using database = openSqlite(":memory:");
    const figures = await simulateSchedulers(database, seed, 500);
    assert.ok(
      figures.runs > 10 && figures.attempts > 50,
      `seed ${seed}: ${JSON.stringify(figures)}`,
    );
  }
});
