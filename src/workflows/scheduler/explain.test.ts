import assert from "node:assert/strict";
import { test } from "node:test";
import { dag } from "#dag/authoring/dag.ts";
import { bash } from "#dag/authoring/operators.ts";
import { migrate } from "#sql/migrate.ts";
import { openSqlite } from "#sql/sqlite.ts";
import { saveDag } from "#workflows/state/dags.ts";
import { insertInstances, newInstance } from "#workflows/state/instances.ts";
import { addScheduler } from "#workflows/state/jobs.ts";
import { migrations } from "#workflows/state/schema.ts";
import { saveStanding } from "#workflows/state/standing.ts";
import { explainInstance } from "./explain.ts";
import { triggerRun } from "./trigger-run.ts";

const now = 1_000_000;
const heard = { id: "s", host: "h", pid: 1, startedAt: 1, seenAt: now };
const b = { dagId: "d", runId: "r", taskId: "b", mapIndex: -1 };

/** What is other than with an installation where nothing keeps task b, and why it then waits. */
const cases: [given: readonly string[], want: string][] = [
  [[], "Executor: Task waits for the scheduler's next turn"],
  [
    ["update job set free = '{\"LocalExecutor\":0}'"],
    "Executor: Executor LocalExecutor has no free slot",
  ],
  [
    [
      "update job set free = '{\"LocalExecutor\":3}'",
      "update task_instance set executor = 'Other'",
    ],
    "Executor: No scheduler has executor 'Other'",
  ],
  [["delete from job"], "Scheduler: No scheduler runs: gantry scheduler"],
  [["update dag set paused = 1"], "Dag Not Paused: Task's DAG 'd' is paused"],
  [
    ["update pool set slots = 1", "update task_instance set state = 'running' where task_id = 'a'"],
    "Pool Slots Available: Pool 'default_pool' has 0 of 1 slots open, the task takes 1",
  ],
  [
    ["update task_instance set pool = 'none'"],
    "Pool Slots Available: There is no pool 'none': gantry pools set none SLOTS",
  ],
  [
    ["update task_instance set pool_slots = 200"],
    "Pool Slots Available: The task takes 200 slots of pool 'default_pool', which has 128",
  ],
  [
    ["update task_instance set state = 'running' where task_id in ('a', 'c')"],
    "Task Concurrency: 2 of 2 tasks of the DAG are active: max_active_tasks",
  ],
  [
    [
      `insert into task_instance (dag_id, run_id, task_id, map_index, state, try_number, max_tries,
         operator, pool, pool_slots, weight, sort_at, queue)
       select dag_id, 'other', task_id, map_index, 'running', try_number, max_tries, operator, pool,
         pool_slots, weight, sort_at, queue from task_instance where task_id = 'b'`,
    ],
    "Task Concurrency: 1 of 1 instances of the task are active: max_active_tis_per_dag",
  ],
  [
    ["update task_instance set state = null where task_id = 'b'"],
    "Trigger Rule: Trigger rule 'all_success': waits for 1 upstream to succeed",
  ],
  [
    ["update dag_run set state = 'queued', run_after = 0", "update task_instance set state = null"],
    "Dagrun Running: The run waits to be started, from 1970-01-01T00:00:00+00:00 on",
  ],
  [["update task_instance set state = 'running', attempt = 'x'"], ""],
  [
    ["update task_instance set state = 'running', attempt = 'pending'"],
    "Executor: pod p in n: Unschedulable: 0/1 nodes are available",
  ],
  [
    ["update task_instance set state = 'skipped', reason = 'branch not followed'"],
    "Task Instance State: Task is in the 'skipped' state: branch not followed",
  ],
];

for (const [given, want] of cases) {
  test(`why a task does not run: ${given.join("; ")} -> ${want}`, async () => {
    await using database = openSqlite(":memory:");
    await migrate(database, migrations);
    const declared = dag("d", { maxActiveTasks: 2 }, () => {
      const before = bash("a", { command: "true" });
      bash("b", { command: "true", maxActiveTisPerDag: 1 }).after(before);
      bash("c", { command: "true" });
    });
    const { model } = declared;
    const at = { now, pausedAtCreation: false };
    await saveDag(database, { model, file: "d.ts", hash: "h", bundle: "b" }, at);
    const trigger = { dagId: "d", runId: "r", logicalDate: undefined, conf: {} };
    await triggerRun(database, trigger, now);
    await database.run("update dag_run set state = 'running'");
    const run = { dagId: "d", runId: "r", runAfter: 0 };
    await insertInstances(
      database,
      model.tasks.map((it) => ({ ...newInstance(run, it, -1), tryNumber: 1 })),
    );
    await database.run("update task_instance set state = 'scheduled' where task_id = 'b'");
    await addScheduler(database, heard);
    const waits = new Map([["pending", "pod p in n: Unschedulable: 0/1 nodes are available"]]);
    await saveStanding(database, "s", { free: new Map([["LocalExecutor", 2]]), waits }, undefined);
    for (const sql of given) await database.run(sql);
    const found = (await explainInstance(database, b, now)) ?? [];
    assert.equal(found.map((it) => `${it.name}: ${it.reason}`).join("; "), want);
  });
}
