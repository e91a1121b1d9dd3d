import assert from "node:assert/strict";
import { test } from "node:test";
import { dag } from "#dag/authoring/dag.ts";
import { migrate } from "#sql/migrate.ts";
import { openSqlite } from "#sql/sqlite.ts";
import { saveDag } from "#workflows/state/dags.ts";
import { insertRun } from "#workflows/state/runs.ts";
import { migrations } from "#workflows/state/schema.ts";
import { isLatest, statesAt } from "./other-runs.ts";

test("other runs: their states by logical date, and whether one is the newest", async () => {
  await using database = openSqlite(":memory:");
  await migrate(database, migrations);
  const day = 86_400_000;
  const start = Date.parse("2026-05-10T00:00:00Z");
  const { model } = dag("d", { schedule: "@daily", startDate: "2026-05-01" }, () => null);
  await saveDag(
    database,
    { model, file: "d.ts", hash: "h", bundle: "b" },
    { now: start, pausedAtCreation: false },
  );
  const interval = { start, end: start + day };
  await insertRun(database, {
    dagId: "d",
    runId: "r",
    version: 1,
    runType: "scheduled",
    logicalDate: start,
    interval,
    runAfter: interval.end,
    conf: {},
    now: interval.end,
  });
  const of = (logicalDates: readonly number[], taskId?: string): Promise<readonly unknown[]> =>
    statesAt(database, { kind: "states", dagId: "d", taskId, logicalDates });
  assert.deepEqual(await of([start]), ["queued"]);
  assert.deepEqual(await of([start + day]), []);
  assert.deepEqual(await of([start], "none"), []);
  const key = { dagId: "d", runId: "r" };
  assert.equal(await isLatest(database, key, interval.end + day - 1), true);
  assert.equal(await isLatest(database, key, interval.end + day), false);
});
