import assert from "node:assert/strict";
import { test } from "node:test";
import { dag } from "#dag/authoring/dag.ts";
import { bash } from "#dag/authoring/operators.ts";
import { numberOf, textOf } from "#sql/columns.ts";
import { migrate } from "#sql/migrate.ts";
import { openSqlite } from "#sql/sqlite.ts";
import { inTurn } from "#testing/workflow-turn.ts";
import { saveDag } from "#workflows/state/dags.ts";
import { migrations } from "#workflows/state/schema.ts";
import { goOnAfterRuns } from "./after-runs.ts";
import { createRun } from "./create-run.ts";

const now = 1_000;

/** Of the runs 1, 2 and 3, the second has ended; which are looked at then? */
for (const { dependsOnPast, thirdVersion, want } of [
  { dependsOnPast: false, thirdVersion: 1, want: [] },
  { dependsOnPast: true, thirdVersion: 1, want: ["r3"] },
  { dependsOnPast: false, thirdVersion: 2, want: ["r3"] },
]) {
  const title = `${dependsOnPast ? "" : "no "}tasks look at the past, version ${thirdVersion}`;
  test(`goOnAfterRuns: ${title} -> ${want.join() || "none"}`, async () => {
    await using database = openSqlite(":memory:");
    await migrate(database, migrations);
    const { model } = dag("d", {}, () => {
      bash("a", { command: "true", dependsOnPast });
    });
    const at = { now, pausedAtCreation: false };
    for (const hash of ["one", "two"]) {
      await saveDag(database, { model, file: "d.ts", hash, bundle: "" }, at);
    }
    for (const [index, version] of [1, 1, thirdVersion].entries()) {
      const day = index + 1;
      const times = { logicalDate: day, interval: { start: day, end: day }, runAfter: day, now };
      const names = { dagId: "d", runId: `r${day}`, version, runType: "manual" as const };
      await createRun(database, model, { ...names, ...times, conf: {} });
    }
    await database.run("update dag_run set state = 'running', plan_at = null");
    await inTurn(database, now, async (turn) => {
      const ended = await turn.records.get(turn.queries, { dagId: "d", runId: "r2" });
      assert.ok(ended);
      ended.setRun({ state: "success", endedAt: now });
      await goOnAfterRuns(turn, [ended]);
      await turn.records.commit(turn.queries);
    });
    const rows = await database.rows("select run_id from dag_run where plan_at = 1000");
    assert.deepEqual(
      rows.map((it) => textOf(it, "run_id")),
      want,
    );
    const ends = await database.rows("select revision from dag_run where state = 'success'");
    assert.deepEqual(
      ends.map((it) => numberOf(it, "revision")),
      [1],
    );
  });
}
