import type { Json, JsonObject } from "#api/object.ts";
import { maybeNumber, maybeText, numberOf, textOf } from "#sql/columns.ts";
import type { Queries, Row } from "#sql/database.ts";
import { selectPage } from "#workflows/state/page.ts";
import { runRow } from "#workflows/state/runs.ts";
import { ok } from "#workflows/api/exchange.ts";
import { listFields, selectionOf, type ListSpec } from "#workflows/api/list.ts";
import { integer } from "#workflows/api/fields.ts";
import { route, type Route } from "#workflows/api/routing.ts";
import { moment, numberFor } from "#workflows/api/shapes/values.ts";

const tables = "asset_event left join asset on asset.name = asset_event.asset";
const columns = "asset_event.*, asset.uri as uri, asset.asset_group as asset_group";

const spec: ListSpec = {
  filters: [
    { kind: "equal", name: "source_dag_id", column: "asset_event.dag_id", of: "text" },
    { kind: "equal", name: "source_task_id", column: "asset_event.task_id", of: "text" },
    { kind: "equal", name: "source_run_id", column: "asset_event.run_id", of: "text" },
    { kind: "equal", name: "source_map_index", column: "asset_event.map_index", of: "integer" },
    { kind: "pattern", name: "name", column: "asset_event.asset" },
    { kind: "range", name: "timestamp", column: "asset_event.at", of: "date" },
  ],
  order: {
    id: "asset_event.id",
    timestamp: "asset_event.at",
    source_dag_id: "asset_event.dag_id",
    source_task_id: "asset_event.task_id",
    source_run_id: "asset_event.run_id",
  },
  defaultOrder: ["timestamp"],
  key: ["asset_event.id"],
};

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

/** A row as `AssetEventResponse`. */
async function shapeOf(queries: Queries, row: Row): Promise<JsonObject> {
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

/** What was made of assets. */
export const assetRoutes: readonly Route[] = [
  route({
    method: "GET",
    path: "/assets/events",
    subject: "asset",
    query: { ...listFields(spec), asset_id: integer() },
    handle: async ({ ports, query }) => {
      const { database } = ports;
      const selection = selectionOf(spec, query);
      const conditions = [...selection.conditions];
      if (query.asset_id !== undefined) {
        const names = await database.rows("select name from asset");
        const found = names.find((row) => numberFor(textOf(row, "name")) === query.asset_id);
        conditions.push({ sql: "asset_event.asset = ?", values: [found?.["name"] ?? ""] });
      }
      const wanted = { ...selection, columns, from: tables, conditions };
      const { rows, total } = await selectPage(database, wanted);
      const events = await Promise.all(rows.map((row) => shapeOf(database, row)));
      return ok({ asset_events: events, total_entries: total });
    },
  }),
];
