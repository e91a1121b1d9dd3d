import assert from "node:assert/strict";
import { test } from "node:test";
import { dag } from "#dag/authoring/dag.ts";
import { empty } from "#dag/authoring/operators.ts";
import { numberOf } from "#sql/columns.ts";
import type { Database } from "#sql/database.ts";
import { migrate } from "#sql/migrate.ts";
import { openSqlite } from "#sql/sqlite.ts";
import { inTurn } from "#testing/workflow-turn.ts";
import { saveDag } from "#workflows/state/dags.ts";
import { runsToPlan } from "#workflows/state/runs.ts";
import { migrations } from "#workflows/state/schema.ts";
import { advanceRun } from "./advance-run.ts";
import { startQueuedRuns } from "./start-runs.ts";
import { triggerRun } from "./trigger-run.ts";
import { takePlan, takeSteps, wholeRoom } from "./turn-room.ts";

const now = 1_000;

test("takeSteps: as many as there is room for, but one", () => {
  const one = { kind: "schedule", taskId: "a", mapIndex: -1 } as const;
  const many = { kind: "expand", taskId: "a", count: 10 } as const;
  for (const [steps, given, want, left] of [
    [5, [one, one], 2, 3],
    [2, [one, one, one], 2, 0],
    [0, [one, one], 1, -1],
    [5, [one, many, one], 2, -6],
    [5, [], 0, 5],
  ] as const) {
    const room = { instances: 0, steps };
    assert.equal(takeSteps(room, given).length, want);
    assert.equal(room.steps, left);
  }
});

test("takePlan: large runs count more", () => {
  const room = { instances: 0, steps: 100 };
  assert.deepEqual(
    [takePlan(room, 3), takePlan(room, 5_000), takePlan(room, 3)],
    [true, true, false],
  );
});

test("a large run is started over several turns, each as if by another scheduler", async () => {
  await using database = openSqlite(":memory:");
  await migrate(database, migrations);
  const tasks = 2_500;
  const { model } = dag("large", {}, () => {
    for (let at = 0; at < tasks; at += 1) empty(`t${at}`);
  });
  const declared = { model, file: "large.ts", hash: "h", bundle: "" };
  await saveDag(database, declared, { now, pausedAtCreation: false });
  const about = { dagId: "large", runId: "r", logicalDate: undefined, conf: {} };
  await triggerRun(database, about, now);
  let before = await countsOf(database);
  let turns = 0;
  for (; before.scheduled < tasks; turns += 1) {
    assert.ok(turns < 20, "it gets on");
    await inTurn(database, now, async (turn) => {
      const { queries, records } = turn;
      await startQueuedRuns(turn, await runsToPlan(queries, "queued", now, 10));
      const running = await runsToPlan(queries, "running", now, 10);
      for (const it of await records.take(queries, running)) await advanceRun(turn, it);
      await records.commit(queries);
    });
    const after = await countsOf(database);
    assert.ok(after.made - before.made <= wholeRoom.instances);
    assert.ok(after.scheduled - before.scheduled <= wholeRoom.steps);
    assert.ok(after.scheduled === 0 || after.made === tasks, "nothing runs before all are there");
    before = after;
  }
  assert.deepEqual(before, { made: tasks, scheduled: tasks });
  assert.ok(turns >= 5);
});

async function countsOf(
  database: Database,
): Promise<{ readonly made: number; readonly scheduled: number }> {
  const [row] = await database.rows(
    `select count(*) as made, count(case when state = 'scheduled' then 1 end) as scheduled
     from task_instance`,
  );
  assert.ok(row);
  return { made: numberOf(row, "made"), scheduled: numberOf(row, "scheduled") };
}
