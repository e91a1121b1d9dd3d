import assert from "node:assert/strict";
import { test } from "node:test";
import { dag } from "#dag/authoring/dag.ts";
import { bash } from "#dag/authoring/operators.ts";
import { migrate } from "#sql/migrate.ts";
import { openSqlite } from "#sql/sqlite.ts";
import { triggerRun } from "#workflows/scheduler/trigger-run.ts";
import { saveDag } from "#workflows/state/dags.ts";
import { migrations } from "#workflows/state/schema.ts";
import { requireInstance, requireRun } from "./find-run.ts";

const now = Date.UTC(2026, 0, 2);

test("requireRun, requireInstance: by id or date; what is missing is named", async () => {
  await using database = openSqlite(":memory:");
  await migrate(database, migrations);
  const { model } = dag("d", {}, () => bash("a", { command: "true" }));
  const version = { model, file: "d.ts", hash: "1", bundle: "" };
  await saveDag(database, version, { now, pausedAtCreation: false });
  await triggerRun(database, { dagId: "d", runId: "one", logicalDate: now, conf: {} }, now);
  const session = { database };
  for (const run of ["one", "2026-01-02"]) {
    assert.equal((await requireRun(session, "d", run)).runId, "one");
  }
  for (const [runId, taskId, mapIndex, want] of [
    ["two", "a", -1, /^DAG d has no run 'two': gantry dags list-runs d shows/],
    ["one", "b", -1, /^run one of d has no task 'b': gantry tasks states-for-dag-run d one shows/],
    ["2026-01-02", "a", 3, /^run one of d has no task 'a' with map index 3: /],
  ] as const) {
    const asked = requireInstance(session, { dagId: "d", runId, taskId, mapIndex });
    await assert.rejects(asked, ({ message }: Error) => want.test(message));
  }
});
