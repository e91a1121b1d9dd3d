import assert from "node:assert/strict";
import { test } from "node:test";
import { MetricRegistry } from "#base/metrics/registry.ts";
import { readExposition } from "#testing/exposition-check.ts";
import { migrate } from "#sql/migrate.ts";
import { openSqlite } from "#sql/sqlite.ts";
import { migrations } from "#workflows/state/schema.ts";
import { EventMetrics } from "./event-metrics.ts";
import { addStateMetrics } from "./state-metrics.ts";

test("EventMetrics: what is counted and measured of a run", async () => {
  const registry = new MetricRegistry();
  const metrics = new EventMetrics(registry);
  const run = { dagId: "d", runId: "r" };
  const task = { ...run, taskId: "t", mapIndex: -1, tryNumber: 1 };
  const events = [
    { at: 2_000, name: "run.created", dagId: "d", runId: "asset_triggered__1" },
    { ...run, at: 3_000, name: "run.started", measured: { dueAt: 1_000 } },
    { ...task, at: 4_000, name: "task.running", measured: { dueAt: 3_900 } },
    {
      ...task,
      at: 6_000,
      name: "task.up_for_retry",
      measured: { startedAt: 4_000, operator: "bash" },
    },
    { ...task, at: 9_000, name: "task.success", measured: { startedAt: 8_000, operator: "bash" } },
    { ...run, at: 9_000, name: "run.success", measured: { startedAt: 3_000 } },
    { at: 9_000, name: "dag.paused", dagId: "d" },
  ];
  metrics.turn({ events, seconds: 0.02, free: new Map([["LocalExecutor", 3]]) });
  const lines = new Set((await registry.render()).split("\n"));
  for (const line of [
    "airflow_scheduler_heartbeat 1",
    'airflow_executor_open_slots{executor="LocalExecutor"} 3',
    "airflow_scheduler_scheduler_loop_duration_sum 0.02",
    'airflow_dagrun_schedule_delay_sum{dag_id="d"} 2',
    'airflow_task_scheduled_duration_sum{dag_id="d"} 0.1',
    'airflow_dagrun_first_task_scheduling_delay_sum{dag_id="d"} 3',
    "airflow_asset_triggered_dagruns 1",
    'airflow_ti_start{dag_id="d",task_id="t"} 1',
    'airflow_ti_finish{dag_id="d",task_id="t",state="success"} 1',
    "airflow_ti_successes 1",
    "airflow_ti_failures 1",
    'airflow_operator_failures{operator="bash"} 1',
    'airflow_task_duration_sum{dag_id="d"} 3',
    'airflow_dagrun_duration_success_sum{dag_id="d"} 6',
  ]) {
    assert.ok(lines.has(line), line);
  }
});

test("addStateMetrics: what the database says", async () => {
  await using database = openSqlite(":memory:");
  await migrate(database, migrations);
  const registry = new MetricRegistry();
  addStateMetrics(registry, database);
  const text = await registry.render();
  assert.match(text, /^airflow_dagbag_size 0$/m);
  assert.match(text, /^airflow_pool_open_slots\{pool="default_pool"\} 128$/m);
  assert.match(text, /^airflow_pool_starving_tasks\{pool="default_pool"\} 0$/m);
  assert.match(text, /^airflow_asset_updates 0$/m);
  assert.match(text, /^airflow_asset_orphaned 0$/m);
  assert.match(text, /^airflow_pool_running_slots\{pool="default_pool"\} 0$/m);
  assert.ok(readExposition(text).length > 5);
});
