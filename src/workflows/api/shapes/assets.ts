import type { Json, JsonObject } from "#api/object.ts";
import { maybeNumber, maybeText, numberOf, textOf } from "#sql/columns.ts";
import type { Queries, Row } from "#sql/database.ts";
import { runRow } from "#workflows/state/runs.ts";
import { moment, numberFor } from "./values.ts";

/** The tables and columns that {@link assetEventShape} needs. */
export const assetEventTables = "asset_event left join asset on asset.name = asset_event.asset";
export const assetEventColumns =
  "asset_event.*, asset.uri as uri, asset.asset_group as asset_group";

/** The runs that an event went into, as `DagRunAssetReference`. */
async function runsOf(queries: Queries, eventId: number): Promise<Json[]> {
  const rows = await queries.rows(
    `select dag_run.* from run_asset_event join dag_run on dag_run.dag_id = run_asset_event.dag_id
       and dag_run.run_id = run_asset_event.run_id where event_id = ? order by dag_run.dag_id`,
    eventId,
  );
  return rows.map(runRow).map((it) => ({
    run_id: it.runId,
    dag_id: it.dagId,
    logical_date: moment(it.logicalDate),
    start_date: moment(it.startedAt ?? it.queuedAt),
    end_date: moment(it.endedAt),
    state: it.state,
    data_interval_start: moment(it.intervalStart),
    data_interval_end: moment(it.intervalEnd),
    partition_key: null,
    triggering: it.runType === "asset_triggered",
  }));
}

/** A row of {@link assetEventColumns} as `AssetEventResponse`. */
export async function assetEventShape(queries: Queries, row: Row): Promise<JsonObject> {
  const id = numberOf(row, "id");
  const name = textOf(row, "asset");
  return {
    id,
    asset_id: numberFor(name),
    uri: maybeText(row, "uri") ?? null,
    name,
    group: maybeText(row, "asset_group") ?? null,
    extra: JSON.parse(textOf(row, "extra")) as Json,
    source_task_id: maybeText(row, "task_id") ?? null,
    source_dag_id: maybeText(row, "dag_id") ?? null,
    source_run_id: maybeText(row, "run_id") ?? null,
    source_map_index: maybeNumber(row, "map_index") ?? -1,
    created_dagruns: await runsOf(queries, id),
    timestamp: moment(numberOf(row, "at")),
    partition_key: null,
  };
}

async function aliasesOf(queries: Queries, asset: string): Promise<readonly string[]> {
  const sql = "select alias from asset_alias_link where asset = ? order by alias";
  return (await queries.rows(sql, asset)).map((row) => textOf(row, "alias"));
}

/** An alias as `AssetAliasResponse`. */
export function aliasShape(name: string): JsonObject {
  return { id: numberFor(name), name, group: "asset" };
}

/** What {@link assetShape} needs of an asset. */
export const assetColumns = `asset.*,
  (select id from asset_event where asset_event.asset = asset.name order by at desc, id desc limit 1)
    as event_id,
  (select max(at) from asset_event where asset_event.asset = asset.name) as event_at`;

/** A row of {@link assetColumns} as `AssetResponse`. */
export async function assetShape(queries: Queries, row: Row): Promise<JsonObject> {
  const name = textOf(row, "name");
  const at = {
    created_at: moment(numberOf(row, "created_at")),
    updated_at: moment(numberOf(row, "updated_at")),
  };
  async function tasksOf(table: "asset_producer" | "asset_reader"): Promise<Json[]> {
    const sql = `select dag_id, task_id from ${table} where asset = ? order by dag_id, task_id`;
    const rows = await queries.rows(sql, name);
    return rows.map((it) => ({
      dag_id: textOf(it, "dag_id"),
      task_id: textOf(it, "task_id"),
      ...at,
    }));
  }
  const waiting = "select dag_id from asset_consumer where asset = ? order by dag_id";
  return {
    id: numberFor(name),
    name,
    uri: textOf(row, "uri"),
    group: textOf(row, "asset_group"),
    extra: JSON.parse(textOf(row, "extra")) as Json,
    ...at,
    scheduled_dags: (await queries.rows(waiting, name)).map((it) => ({
      dag_id: textOf(it, "dag_id"),
      ...at,
    })),
    producing_tasks: await tasksOf("asset_producer"),
    consuming_tasks: await tasksOf("asset_reader"),
    aliases: (await aliasesOf(queries, name)).map(aliasShape),
    watchers: [],
    last_asset_event: {
      id: maybeNumber(row, "event_id") ?? null,
      timestamp: moment(maybeNumber(row, "event_at")),
    },
  };
}
