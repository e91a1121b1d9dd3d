import type { MetricRegistry } from "#base/metrics/registry.ts";
import type { Sample } from "#base/metrics/exposition.ts";
import { maybeNumber, numberOf, textOf } from "#sql/columns.ts";
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
  const updates = { name: "airflow_asset_updates", help: "Times that assets have been made." };
  registry.computed({ ...updates, type: "counter" }, async () => {
    // Old ones are taken away; their numbers are not given again.
    const [row] = await queries.rows("select max(id) as count from asset_event");
    return [{ labels: {}, value: (row && maybeNumber(row, "count")) ?? 0 }];
  });
  const named = ["asset_consumer", "asset_producer", "asset_reader"].map(
    (table) => `exists (select 1 from ${table} join dag on dag.dag_id = ${table}.dag_id
      where ${table}.asset = asset.name and active = 1)`,
  );
  one(
    "asset_orphaned",
    "Assets that no DAG names any more.",
    `select count(*) as count from asset where not (${named.join(" or ")})`,
  );
  addPoolMetrics(registry, queries);
  addStarving(registry, queries);
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

/** Tasks of each pool that wait for slots of it. */
function addStarving(registry: MetricRegistry, queries: Queries): void {
  const head = { name: "airflow_pool_starving_tasks", help: "Tasks that wait for slots, by pool." };
  registry.computed({ ...head, type: "gauge" }, async () => {
    const used = await slotsByState(queries);
    const rows = await queries.rows(
      `select pool, count(*) as count, min(pool_slots) as least from task_instance
       where state = 'scheduled' group by pool`,
    );
    const waiting = new Map(rows.map((row) => [textOf(row, "pool"), row]));
    return (await listPools(queries)).map((it): Sample => {
      const of = used.get(it.name);
      const open = it.slots - (of?.get("running") ?? 0) - (of?.get("queued") ?? 0);
      const row = waiting.get(it.name);
      const isShort = row !== undefined && it.slots >= 0 && numberOf(row, "least") > open;
      return { labels: { pool: it.name }, value: isShort ? numberOf(row, "count") : 0 };
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
