import assert from "node:assert/strict";
import { test } from "node:test";
import { dag } from "#dag/authoring/dag.ts";
import { empty } from "#dag/authoring/operators.ts";
import type { RunState } from "#dag/model/states.ts";
import { migrate } from "#sql/migrate.ts";
import { openSqlite } from "#sql/sqlite.ts";
import { listBackfills, type Reprocess } from "#workflows/state/backfills.ts";
import { saveDag } from "#workflows/state/dags.ts";
import { listRuns } from "#workflows/state/runs.ts";
import { migrations } from "#workflows/state/schema.ts";
import { backfillAction, cancelBackfill, createBackfill } from "./backfill.ts";

const actions: [state: RunState | undefined, reprocess: Reprocess, want: string][] = [
  [undefined, "none", "create"],
  ["failed", "none", "skip"],
  ["failed", "failed", "again"],
  ["success", "failed", "skip"],
  ["success", "completed", "again"],
  ["failed", "completed", "again"],
  ["running", "completed", "skip"],
  ["queued", "completed", "skip"],
];

for (const [state, reprocess, want] of actions) {
  test(`backfillAction: a run that is ${state ?? "not there"}, ${reprocess} -> ${want}`, () => {
    assert.equal(backfillAction(state, reprocess), want);
  });
}

const now = Date.parse("2026-05-10T12:00:00Z");
const request = {
  dagId: "daily",
  from: Date.parse("2026-05-01"),
  to: Date.parse("2026-05-03"),
  backwards: false,
  reprocess: "none",
  conf: {},
  maxActiveRuns: 2,
  dryRun: false,
} as const;

test("createBackfill: runs of past dates, once, and again when it is asked for", async () => {
  await using database = openSqlite(":memory:");
  await migrate(database, migrations);
  const daily = dag("daily", { schedule: "@daily" }, () => empty("one"));
  const past = dag("past", { schedule: "@daily" }, () => empty("one", { dependsOnPast: true }));
  const byHand = dag("by_hand", {}, () => empty("one"));
  for (const { model } of [daily, past, byHand]) {
    const declared = { model, file: "f", hash: "h", bundle: "" };
    await saveDag(database, declared, { now, pausedAtCreation: false });
  }
  const order = (more: object): ReturnType<typeof createBackfill> =>
    createBackfill(database, { ...request, ...more }, now);

  const dry = await order({ dryRun: true });
  assert.deepEqual(
    [dry.id, dry.dates.map((it) => it.action)],
    [undefined, Array(3).fill("create")],
  );
  assert.equal((await listRuns(database, { limit: 10 })).length, 0);

  const first = await order({});
  const runs = await listRuns(database, { limit: 10 });
  assert.deepEqual(
    runs.map((it) => [it.runId, it.runType, it.backfill]),
    ["03", "02", "01"].map((day) => [
      `backfill__2026-05-${day}T00:00:00+00:00`,
      "backfill",
      first.id,
    ]),
  );
  await assert.rejects(order({}), /backfill 1 of daily goes on: gantry backfill cancel 1/);
  assert.ok(first.id !== undefined);
  await cancelBackfill(database, first.id, now + 1);
  await assert.rejects(cancelBackfill(database, first.id, now), /backfill 1 was cancelled/);
  const [cancelled] = await listBackfills(database, "daily", 10);
  assert.deepEqual([cancelled?.runs, cancelled?.open, cancelled?.completedAt], [3, 0, now + 1]);

  assert.deepEqual(
    (await order({ dryRun: true })).dates.map((it) => it.action),
    Array(3).fill("skip"),
  );
  const again = await order({ reprocess: "failed", to: request.from });
  const [run] = (await listRuns(database, { state: "queued", limit: 10 })).slice(-1);
  assert.deepEqual([again.dates[0]?.action, run?.backfill], ["again", again.id]);

  await assert.rejects(order({ dagId: "by_hand" }), /its schedule is not periodic/);
  await assert.rejects(order({ dagId: "past", backwards: true }), /cannot be filled backwards/);
  await assert.rejects(order({ dagId: "nothing" }), /there is no DAG 'nothing'/);
});
