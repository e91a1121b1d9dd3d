import type { Json, JsonObject } from "#api/object.ts";
import { textOf } from "#sql/columns.ts";
import type { Queries, Row } from "#sql/database.ts";
import { saveAssetEvents } from "#workflows/state/assets.ts";
import { selectPage, type Condition } from "#workflows/state/page.ts";
import { ok } from "#workflows/api/exchange.ts";
import {
  boolean,
  integer,
  json,
  list,
  nullable,
  object,
  required,
  text,
  withDefault,
} from "#workflows/api/fields.ts";
import { anyOf, listFields, selectionOf, type ListSpec } from "#workflows/api/list.ts";
import { shortPage, type ShortListSpec } from "#workflows/api/short-list.ts";
import { badRequest, conflict, notFound } from "#workflows/api/problem.ts";
import { route, type Call, type Route } from "#workflows/api/routing.ts";
import {
  aliasShape,
  assetColumns,
  assetEventColumns,
  assetEventShape,
  assetEventTables,
  assetShape,
} from "#workflows/api/shapes/assets.ts";
import { numberFor } from "#workflows/api/shapes/values.ts";

import { integerInPath, requireRunRow, runKey } from "./find.ts";
import { startRun, triggerFields } from "./trigger.ts";

/** Airflow's numbers of assets are made of their names here. Undefined when there is none. */
export async function assetNamed(queries: Queries, id: number): Promise<string | undefined> {
  const rows = await queries.rows("select name from asset");
  return rows.map((row) => textOf(row, "name")).find((it) => numberFor(it) === id);
}

/** The number of the asset in the path. */
export function assetId(call: Pick<Call, "path">): number {
  return integerInPath(call, "asset_id");
}

async function requireAsset(call: Call): Promise<Row> {
  const { database } = call.ports;
  const id = assetId(call);
  const name = await assetNamed(database, id);
  const sql = `select ${assetColumns} from asset where name = ?`;
  const [row] = name === undefined ? [] : await database.rows(sql, name);
  if (row === undefined) throw notFound(`The Asset with ID: \`${id}\` was not found`);
  return row;
}

const spec: ListSpec = {
  filters: [
    { kind: "pattern", name: "name", column: "asset.name" },
    { kind: "pattern", name: "uri", column: "asset.uri" },
  ],
  order: {
    id: "asset.created_at",
    name: "asset.name",
    uri: "asset.uri",
    created_at: "asset.created_at",
    updated_at: "asset.updated_at",
  },
  defaultOrder: ["id"],
  key: ["asset.name"],
};

/** Where DAGs name assets. */
const naming = ["asset_consumer", "asset_producer", "asset_reader"] as const;

/** Assets that one of the DAGs names. @param which conditions on the DAGs, and their values. */
function namedBy(which: Condition): Condition {
  const parts = naming.map(
    (table) => `exists (select 1 from ${table} join dag on dag.dag_id = ${table}.dag_id
      where ${table}.asset = asset.name and (${which.sql}))`,
  );
  return { sql: parts.join(" or "), values: naming.flatMap(() => which.values) };
}

const eventSpec: ListSpec = {
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
    source_map_index: "asset_event.map_index",
  },
  defaultOrder: ["timestamp"],
  key: ["asset_event.id"],
};

const assets: readonly Route[] = [
  route({
    method: "GET",
    path: "/assets",
    subject: "asset",
    query: {
      ...listFields(spec),
      dag_ids: list(text()),
      only_active: withDefault(boolean(), true),
    },
    handle: async ({ ports, query }) => {
      const { database } = ports;
      const selection = selectionOf(spec, query);
      const conditions = [...selection.conditions];
      if (query.only_active) {
        const named = namedBy({ sql: "dag.active = 1", values: [] });
        const linked = "exists (select 1 from asset_alias_link where asset = asset.name)";
        conditions.push({ ...named, sql: `${named.sql} or ${linked}` });
      }
      conditions.push(...anyOf("dag.dag_id", query.dag_ids ?? []).map(namedBy));
      const wanted = { ...selection, columns: assetColumns, from: "asset", conditions };
      const { rows, total } = await selectPage(database, wanted);
      const shown = await Promise.all(rows.map((row) => assetShape(database, row)));
      return ok({ assets: shown, total_entries: total });
    },
  }),
  route({
    method: "GET",
    path: "/assets/{asset_id}",
    subject: "asset",
    handle: async (call) => ok(await assetShape(call.ports.database, await requireAsset(call))),
  }),
  route({
    method: "POST",
    path: "/assets/{asset_id}/materialize",
    subject: "asset",
    body: triggerFields,
    isBodyOptional: true,
    handle: async (call) => {
      const { database } = call.ports;
      const id = assetId(call);
      const name = await assetNamed(database, id);
      const rows = await database.rows(
        `select distinct asset_producer.dag_id as dag_id from asset_producer
           join dag on dag.dag_id = asset_producer.dag_id where asset = ? and active = 1`,
        name ?? "",
      );
      const [row, other] = rows;
      if (row === undefined) throw notFound(`No Dag materializes asset with ID: ${id}`);
      if (other !== undefined) {
        throw conflict(`More than one Dag materializes asset with ID: ${id}`);
      }
      return await startRun(call, {
        dagId: textOf(row, "dag_id"),
        runType: "asset_materialization",
      });
    },
  }),
];

const eventBody = {
  asset_id: required(integer()),
  extra: withDefault(object(), {}),
  partition_key: nullable(text()),
  // Who may see it is not told apart here: there is one team.
  access_control: nullable(json()),
};

const events: readonly Route[] = [
  route({
    method: "GET",
    path: "/assets/events",
    subject: "asset",
    query: { ...listFields(eventSpec), asset_id: integer() },
    handle: async ({ ports, query }) => {
      const { database } = ports;
      const selection = selectionOf(eventSpec, query);
      const conditions = [...selection.conditions];
      if (query.asset_id !== undefined) {
        const name = await assetNamed(database, query.asset_id);
        conditions.push({ sql: "asset_event.asset = ?", values: [name ?? ""] });
      }
      const wanted = { columns: assetEventColumns, from: assetEventTables, conditions };
      const { rows, total } = await selectPage(database, { ...selection, ...wanted });
      const shown = await Promise.all(rows.map((row) => assetEventShape(database, row)));
      return ok({ asset_events: shown, total_entries: total });
    },
  }),
  route({
    method: "POST",
    path: "/assets/events",
    subject: "asset",
    body: eventBody,
    handle: async ({ ports, body }) => {
      const { database, clock } = ports;
      const { asset_id: id } = body;
      const asset = await assetNamed(database, id);
      if (asset === undefined) throw notFound(`Asset with ID: \`${id}\` was not found`);
      if (body.partition_key != null) throw badRequest("Assets have no partitions here");
      const extra = { ...body.extra, from_rest_api: true } as Readonly<Record<string, Json>>;
      const [row] = await database.transaction(async (queries) => {
        await saveAssetEvents(queries, [{ asset, at: clock.now(), extra, source: undefined }]);
        return await queries.rows(
          `select ${assetEventColumns} from ${assetEventTables} where asset_event.asset = ?
           order by asset_event.id desc limit 1`,
          asset,
        );
      }, true);
      await database.notify();
      if (row === undefined) throw notFound(`Asset with ID: \`${id}\` was not found`);
      return ok(await assetEventShape(database, row));
    },
  }),
  route({
    method: "GET",
    path: "/dags/{dag_id}/dagRuns/{dag_run_id}/upstreamAssetEvents",
    subject: "asset",
    handle: async (call) => {
      const { database } = call.ports;
      const { dagId, runId } = runKey(call);
      await requireRunRow(database, { dagId, runId });
      const rows = await database.rows(
        `select ${assetEventColumns} from run_asset_event
           join asset_event on asset_event.id = run_asset_event.event_id
           left join asset on asset.name = asset_event.asset
         where run_asset_event.dag_id = ? and run_asset_event.run_id = ? order by asset_event.id`,
        dagId,
        runId,
      );
      const shown = await Promise.all(rows.map((row) => assetEventShape(database, row)));
      return ok({ asset_events: shown, total_entries: shown.length });
    },
  }),
];

const aliasSpec: ShortListSpec = {
  filters: [{ kind: "pattern", name: "name", column: "name" }],
  order: { id: "name", name: "name" },
  defaultOrder: ["id"],
};

/** All names that stand for assets: those that DAGs wait for, and those that tasks have used. */
async function listAliases(queries: Queries): Promise<readonly JsonObject[]> {
  const rows = await queries.rows(
    "select alias from asset_alias_consumer union select alias from asset_alias_link order by 1",
  );
  return rows.map((row) => aliasShape(textOf(row, "alias")));
}

const aliases: readonly Route[] = [
  route({
    method: "GET",
    path: "/assets/aliases",
    subject: "asset",
    query: listFields(aliasSpec),
    handle: async ({ ports, query }) => {
      const { shown, total } = shortPage(await listAliases(ports.database), aliasSpec, query);
      return ok({ asset_aliases: shown, total_entries: total });
    },
  }),
  route({
    method: "GET",
    path: "/assets/aliases/{asset_alias_id}",
    subject: "asset",
    handle: async (call) => {
      const id = integerInPath(call, "asset_alias_id");
      const found = (await listAliases(call.ports.database)).find((it) => it["id"] === id);
      if (found !== undefined) return ok(found);
      throw notFound(`The Asset Alias with ID: \`${id}\` was not found`);
    },
  }),
];

/** Assets, what was made of them, and what makes them. */
export const assetRoutes: readonly Route[] = [...assets, ...events, ...aliases];
