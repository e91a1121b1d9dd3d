import type { MetricRegistry } from "#base/metrics/registry.ts";
import type { Sample } from "#base/metrics/exposition.ts";
import { numberOf, textOf } from "#sql/columns.ts";
import type { Queries } from "#sql/database.ts";
import { listPools, slotsByState } from "#workflows/state/pools.ts";

/** Shows what the database says, when somebody asks: DAGs, import errors, pools, task states. */
export function addStateMetrics(registry: MetricRegistry, queries: Queries): void {
  const one = (name: string, help: string, sql: string): void => {
    registry.computed({ name: `airflow_${name}`, help, type: "gauge" }, async () => {
      const [row] = await queries.rows(sql);
      return [{ labels: {}, value: row === undefined ? 0 : numberOf(row, "count") }];
    });
  };
  one("dagbag_size", "DAGs that there are.", "select count(*) as count from dag where active = 1");
  one(
    "dag_processing_import_errors",
    "Files of DAGs that are broken.",
    "select count(*) as count from import_error",
  );
  for (const [name, state] of [
    ["scheduler_tasks_executable", "scheduled"],
    ["executor_running_tasks", "running"],
    ["executor_queued_tasks", "queued"],
  ] as const) {
    const sql = `select count(*) as count from task_instance where state = '${state}'`;
    one(name, `Task instances that are ${state}.`, sql);
  }
  addPoolMetrics(registry, queries);
  addTaskStates(registry, queries);
}

function addPoolMetrics(registry: MetricRegistry, queries: Queries): void {
  const states = {
    queued: "queued",
    running: "running",
    scheduled: "scheduled",
    deferred: "up_for_reschedule",
  };
  for (const [name, state] of Object.entries(states)) {
    const help = `Slots of tasks that are ${name}, by pool.`;
    registry.computed({ name: `airflow_pool_${name}_slots`, help, type: "gauge" }, async () => {
      const used = await slotsByState(queries);
      return (await listPools(queries)).map((it) => ({
        labels: { pool: it.name },
        value: used.get(it.name)?.get(state) ?? 0,
      }));
    });
  }
  const head = { name: "airflow_pool_open_slots", help: "Slots that are free, by pool." };
  registry.computed({ ...head, type: "gauge" }, async () => {
    const used = await slotsByState(queries);
    return (await listPools(queries)).map((it): Sample => {
      const of = used.get(it.name);
      const taken = (of?.get("running") ?? 0) + (of?.get("queued") ?? 0);
      return { labels: { pool: it.name }, value: it.slots < 0 ? Infinity : it.slots - taken };
    });
  });
}

/** Airflow's `ti.running` and its like, by pool and queue. */
function addTaskStates(registry: MetricRegistry, queries: Queries): void {
  const head = { name: "airflow_task_instances", help: "Open task instances, by state." };
  registry.computed({ ...head, type: "gauge" }, async () => {
    const rows = await queries.rows(
      `select state, count(*) as count from task_instance
       where state in ('scheduled', 'queued', 'running', 'up_for_retry', 'up_for_reschedule')
       group by state`,
    );
    return rows.map((row) => ({
      labels: { state: textOf(row, "state") },
      value: numberOf(row, "count"),
    }));
  });
}
