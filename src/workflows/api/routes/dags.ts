import type { Json, JsonObject } from "#api/object.ts";
import { numberOf, textOf } from "#sql/columns.ts";
import type { Queries } from "#sql/database.ts";
import { dagRow, findDag, type DagRow } from "#workflows/state/dags.ts";
import { deleteDag } from "#workflows/state/deletion.ts";
import { addFavorite, favoritesOf, removeFavorite } from "#workflows/state/favorites.ts";
import { selectPage, type Condition, type Page } from "#workflows/state/page.ts";
import { pauseDag } from "#workflows/scheduler/pause-dag.ts";
import { noContent, ok } from "#workflows/api/exchange.ts";
import type { User } from "#workflows/api/auth/roles.ts";
import {
  boolean,
  list,
  oneOf,
  required,
  text,
  withDefault,
  type Values,
} from "#workflows/api/fields.ts";
import { listFields, selectionOf, type ListSpec } from "#workflows/api/list.ts";
import type { ApiPorts } from "#workflows/api/ports.ts";
import { badRequest, conflict, notFound } from "#workflows/api/problem.ts";
import { route, type Route } from "#workflows/api/routing.ts";
import { bundleName, dagDetails, dagShape, versionShape } from "#workflows/api/shapes/dags.ts";
import { brokenFiles, countOf, inPath, requireDag } from "./find.ts";

/** A column of the DAG\'s newest run. */
function newest(column: string): string {
  return `(select ${column} from dag_run where dag_run.dag_id = dag.dag_id
    order by run_after desc, dag_run.run_id desc limit 1)`;
}

const spec: ListSpec = {
  filters: [
    { kind: "pattern", name: "dag_id", column: "dag.dag_id" },
    { kind: "pattern", name: "dag_display_name", column: "dag.dag_id" },
    { kind: "any", name: "timetable_type", column: "dag.timetable", of: "text" },
    { kind: "equal", name: "last_dag_run_state", column: newest("state"), of: "text" },
    { kind: "range", name: "dag_run_start_date", column: newest("started_at"), of: "date" },
    { kind: "range", name: "dag_run_end_date", column: newest("ended_at"), of: "date" },
  ],
  order: {
    dag_id: "dag.dag_id",
    dag_display_name: "dag.dag_id",
    next_dagrun: "next_at",
    next_dagrun_run_after: "next_at",
    is_paused: "paused",
    state: newest("state"),
    start_date: newest("started_at"),
    last_run_state: newest("state"),
    last_run_start_date: newest("started_at"),
  },
  defaultOrder: ["dag_id"],
  key: ["dag.dag_id"],
};

const listQuery = {
  ...listFields(spec),
  tags: list(text()),
  tags_match_mode: oneOf(["any", "all"]),
  owners: list(text()),
  exclude_stale: withDefault(boolean(), true),
  paused: boolean(),
  has_import_errors: boolean(),
  dag_run_state: list(text()),
  bundle_name: text(),
  bundle_version: text(),
  has_asset_schedule: boolean(),
  asset_dependency: text(),
  is_favorite: boolean(),
};

type DagQuery = Values<typeof listQuery>;

function conditionsOf(query: DagQuery, user: User): Condition[] {
  const conditions: Condition[] = [];
  if (query.exclude_stale) conditions.push({ sql: "dag.active = 1", values: [] });
  if (query.paused !== undefined) {
    conditions.push({ sql: "dag.paused = ?", values: [query.paused ? 1 : 0] });
  }
  conditions.push(...listed("dag.tags", query.tags, query.tags_match_mode === "all"));
  conditions.push(...listed("dag.owners", query.owners, false));
  if (query.has_import_errors !== undefined) {
    const exists = "exists (select 1 from import_error where import_error.file = dag.file)";
    conditions.push({ sql: query.has_import_errors ? exists : `not ${exists}`, values: [] });
  }
  const states = query.dag_run_state ?? [];
  if (states.length > 0) {
    const marks = states.map(() => "?").join(", ");
    const sql = `exists (select 1 from dag_run where dag_run.dag_id = dag.dag_id and state in (${marks}))`;
    conditions.push({ sql, values: states });
  }
  return [...conditions, ...sourceConditions(query), ...favoriteCondition(query, user)];
}

/** Where DAGs come from, and what starts them. */
function sourceConditions(query: DagQuery): Condition[] {
  const conditions: Condition[] = [];
  if (query.bundle_name !== undefined && query.bundle_name !== bundleName) {
    conditions.push({ sql: "1 = 0", values: [] });
  }
  if (query.bundle_version !== undefined) {
    const sql = `exists (select 1 from dag_version where dag_version.dag_id = dag.dag_id
      and number = dag.version and bundle = ?)`;
    conditions.push({ sql, values: [query.bundle_version] });
  }
  const waits = "select 1 from asset_consumer left join asset on asset.name = asset";
  const own = "asset_consumer.dag_id = dag.dag_id";
  if (query.has_asset_schedule !== undefined) {
    const exists = `exists (${waits} where ${own})`;
    conditions.push({ sql: query.has_asset_schedule ? exists : `not ${exists}`, values: [] });
  }
  if (query.asset_dependency !== undefined) {
    const like = "lower(asset) like ? escape '!' or lower(uri) like ? escape '!'";
    const value = `%${query.asset_dependency.toLowerCase().replaceAll(/[!%_]/g, "!$&")}%`;
    conditions.push({
      sql: `exists (${waits} where ${own} and (${like}))`,
      values: [value, value],
    });
  }
  return conditions;
}

function favoriteCondition({ is_favorite: given }: DagQuery, user: User): Condition[] {
  if (given === undefined) return [];
  const sql = "exists (select 1 from favorite where favorite.dag_id = dag.dag_id and account = ?)";
  return [{ sql: given ? sql : `not ${sql}`, values: [user.name] }];
}

/** Any, or all, of the names are in a column that holds a JSON list of texts. */
function listed(column: string, names: readonly string[] | undefined, all: boolean): Condition[] {
  if (names === undefined || names.length === 0) return [];
  const part = `${column} like ? escape '!'`;
  const sql = names.map(() => part).join(all ? " and " : " or ");
  const values = names.map((it) => `%${JSON.stringify(it).replaceAll(/[!%_]/g, "!$&")}%`);
  return [{ sql, values }];
}

async function findPage(
  queries: Queries,
  { query, user }: { readonly query: DagQuery; readonly user: User },
): Promise<Page> {
  const selection = selectionOf(spec, query);
  const conditions = [...selection.conditions, ...conditionsOf(query, user)];
  return await selectPage(queries, { ...selection, columns: "dag.*", from: "dag", conditions });
}

async function shapesOf(ports: ApiPorts, dags: readonly DagRow[]): Promise<JsonObject[]> {
  const broken = await brokenFiles(ports.database);
  return await Promise.all(dags.map((it) => shapeOf(ports, it, broken)));
}

async function shapeOf(
  ports: ApiPorts,
  dag: DagRow,
  broken: ReadonlySet<string>,
): Promise<JsonObject> {
  const version = await ports.models.get(ports.database, dag.dagId, dag.version);
  const { dagsFolder } = ports;
  return dagShape(dag, version, { dagsFolder, hasImportErrors: broken.has(dag.file) });
}

async function latestVersion(queries: Queries, dag: DagRow): Promise<Json> {
  const [row] = await queries.rows(
    "select bundle, created_at from dag_version where dag_id = ? and number = ?",
    dag.dagId,
    dag.version,
  );
  if (row === undefined) return null;
  const createdAt = numberOf(row, "created_at");
  return versionShape({
    dagId: dag.dagId,
    number: dag.version,
    bundle: textOf(row, "bundle"),
    createdAt,
  });
}

/** @throws {ApiProblem} 400 when a mask names something else. */
function checkMask(mask: readonly string[] | undefined): void {
  if (mask === undefined || (mask.length === 1 && mask[0] === "is_paused")) return;
  throw badRequest("Only `is_paused` field can be updated through the REST API");
}

function hasPattern(query: Readonly<Record<string, unknown>>): boolean {
  return query["dag_id_pattern"] !== undefined || query["dag_id_prefix_pattern"] !== undefined;
}

const patchBody = { is_paused: required(boolean()) };
const patchQuery = { update_mask: list(text()) };

const lists: readonly Route[] = [
  route({
    method: "GET",
    path: "/dags",
    subject: "dag",
    query: listQuery,
    handle: async ({ ports, query, user }) => {
      const { rows, total } = await findPage(ports.database, { query, user });
      return ok({ dags: await shapesOf(ports, rows.map(dagRow)), total_entries: total });
    },
  }),
  route({
    method: "PATCH",
    path: "/dags",
    subject: "dag",
    query: { ...listQuery, ...patchQuery },
    body: patchBody,
    handle: async ({ ports, query, body, user }) => {
      checkMask(query.update_mask);
      // Without a pattern none is meant, whatever else is asked for.
      if (!hasPattern(query)) {
        return ok({ dags: [], total_entries: 0 });
      }
      const { rows, total } = await findPage(ports.database, { query, user });
      const dags = rows.map(dagRow);
      for (const { dagId } of dags) {
        await pauseDag(
          ports.database,
          { dagId, paused: body.is_paused, owner: user.name },
          ports.clock.now(),
        );
      }
      const changed = dags.map((it) => ({ ...it, paused: body.is_paused }));
      return ok({ dags: await shapesOf(ports, changed), total_entries: total });
    },
  }),
];

const single: readonly Route[] = [
  route({
    method: "GET",
    path: "/dags/{dag_id}",
    subject: "dag",
    handle: async (call) => {
      const dag = await requireDag(call);
      return ok(await shapeOf(call.ports, dag, await brokenFiles(call.ports.database)));
    },
  }),
  route({
    method: "GET",
    path: "/dags/{dag_id}/details",
    subject: "dag",
    handle: async (call) => {
      const { database, models } = call.ports;
      const dag = await requireDag(call);
      const version = await models.get(database, dag.dagId, dag.version);
      const active =
        "select count(*) as count from dag_run where dag_id = ? and state in ('queued', 'running')";
      const activeRuns = await countOf(database, active, dag.dagId);
      const latest = await latestVersion(database, dag);
      const isFavorite = (await favoritesOf(database, call.user.name)).has(dag.dagId);
      const shape = await shapeOf(call.ports, dag, await brokenFiles(database));
      return ok({
        ...shape,
        ...dagDetails(dag, version?.model, { activeRuns, latest, isFavorite }),
      });
    },
  }),
  route({
    method: "PATCH",
    path: "/dags/{dag_id}",
    subject: "dag",
    query: patchQuery,
    body: patchBody,
    handle: async (call) => {
      const { database, clock } = call.ports;
      checkMask(call.query.update_mask);
      const { dagId } = await requireDag(call);
      const change = { dagId, paused: call.body.is_paused, owner: call.user.name };
      await pauseDag(database, change, clock.now());
      const dag = await requireDag(call);
      return ok(await shapeOf(call.ports, dag, await brokenFiles(database)));
    },
  }),
  route({
    method: "DELETE",
    path: "/dags/{dag_id}",
    subject: "dag",
    handle: async (call) => {
      const { database, clock, models } = call.ports;
      const dagId = inPath(call, "dag_id");
      const owner = call.user.name;
      const outcome = await deleteDag(database, { dagId, owner }, clock.now());
      if (outcome === "unknown") throw notFound(`Dag with id: ${dagId} was not found`);
      if (outcome === "busy") {
        throw conflict(`Task instances of dag with id: '${dagId}' are still running`);
      }
      models.forget(dagId);
      return noContent;
    },
  }),
];

/** Everybody who sees a DAG may mark it for oneself. */
const favorites: readonly Route[] = (["favorite", "unfavorite"] as const).map((verb) =>
  route({
    method: "POST",
    path: `/dags/{dag_id}/${verb}`,
    subject: "dag",
    reads: true,
    handle: async (call) => {
      const { database } = call.ports;
      const dagId = inPath(call, "dag_id");
      const mark = { account: call.user.name, dagId };
      if ((await findDag(database, dagId)) === undefined) {
        throw notFound(`Dag with id '${dagId}' not found`);
      }
      if (verb === "favorite") await addFavorite(database, mark);
      else if (!(await removeFavorite(database, mark))) {
        throw conflict("Dag is not marked as favorite");
      }
      return noContent;
    },
  }),
);

/** DAGs. */
export const dagRoutes: readonly Route[] = [...lists, ...single, ...favorites];
