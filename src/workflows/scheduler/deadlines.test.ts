import assert from "node:assert/strict";
import { test } from "node:test";
import { dag } from "#dag/authoring/dag.ts";
import { empty } from "#dag/authoring/operators.ts";
import type { Deadline } from "#dag/authoring/options.ts";
import { migrate } from "#sql/migrate.ts";
import { openSqlite } from "#sql/sqlite.ts";
import { inTurn } from "#testing/workflow-turn.ts";
import { claimCallback, saveCallbacks } from "#workflows/state/callbacks.ts";
import { saveDag } from "#workflows/state/dags.ts";
import { listDeadlines, nextDeadline } from "#workflows/state/deadlines.ts";
import { migrations } from "#workflows/state/schema.ts";
import { missDeadlines } from "./deadlines.ts";
import { setRunState } from "./set-state.ts";
import { triggerRun } from "./trigger-run.ts";

function callback(): void {
  // Only counted.
}
const deadline: readonly Deadline[] = [
  { name: "soon", reference: "queued_at", interval: "1s", callback },
  { reference: "logical_date", interval: "10s", callback },
  { reference: { averageRuntime: {} }, interval: "1s", callback },
];
const made = dag("d", { deadline }, () => empty("t"));

test("missDeadlines: each is missed once, unless its run has succeeded by then", async () => {
  await using database = openSqlite(":memory:");
  await migrate(database, migrations);
  const declared = { model: made.model, file: "f", hash: "h", bundle: "" };
  await saveDag(database, declared, { now: 0, pausedAtCreation: false });
  const given = { dagId: "d", conf: {}, logicalDate: 0 };
  await triggerRun(database, { ...given, runId: "late" }, 5_000);
  await triggerRun(database, { ...given, runId: "done" }, 5_000);
  assert.equal(await nextDeadline(database), 6_000, "too few runs for an average");

  await setRunState(database, { dagId: "d", runId: "done", state: "success" }, 6_000);
  assert.deepEqual((await inTurn(database, 5_999, missDeadlines)).callbacks, []);
  const turns = [
    await inTurn(database, 6_000, missDeadlines),
    await inTurn(database, 6_000, missDeadlines),
  ];
  const called = turns.flatMap((it) => it.callbacks);
  assert.deepEqual(
    called.map((it) => [it.runId, it.name, it.deadline]),
    [["late", "onDeadline", { position: 0, at: 6_000 }]],
  );
  assert.equal(await nextDeadline(database), 10_000);
  await inTurn(database, 20_000, missDeadlines);
  const rows = await listDeadlines(database, { dagId: "d" });
  assert.deepEqual(
    rows.map((it) => [it.runId, it.name, it.dueAt, it.missedAt]),
    [
      ["late", "soon", 6_000, 6_000],
      ["late", undefined, 10_000, 20_000],
    ],
  );

  await saveCallbacks(database, called);
  assert.deepEqual((await claimCallback(database, "me"))?.deadline, { position: 0, at: 6_000 });
  assert.equal(await claimCallback(database, "other"), undefined);
});

test("dag: a deadline says what cannot be", () => {
  const reference = { averageRuntime: { maxRuns: 2, minRuns: 3 } };
  const wrong: Deadline = { reference, interval: "1s", callback };
  assert.throws(() => dag("d", { deadline: wrong }, () => undefined), /1 <= minRuns <= maxRuns/);
});
