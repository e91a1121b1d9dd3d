import type { Json, JsonObject } from "#api/object.ts";
import { numberOf, textOf } from "#sql/columns.ts";
import type { Queries } from "#sql/database.ts";
import { dagRow, type DagRow } from "#workflows/state/dags.ts";
import { deleteDag } from "#workflows/state/deletion.ts";
import { selectPage, type Condition, type Page } from "#workflows/state/page.ts";
import { pauseDag } from "#workflows/scheduler/pause-dag.ts";
import { noContent, ok } from "#workflows/api/exchange.ts";
import { boolean, list, oneOf, required, text, withDefault } from "#workflows/api/fields.ts";
import { listFields, selectionOf, type ListQuery, type ListSpec } from "#workflows/api/list.ts";
import type { ApiPorts } from "#workflows/api/ports.ts";
import { badRequest, conflict, notFound } from "#workflows/api/problem.ts";
import { route, type Route } from "#workflows/api/routing.ts";
import { dagDetails, dagShape, versionShape } from "#workflows/api/shapes/dags.ts";
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
};

interface DagQuery {
  readonly tags: readonly string[] | undefined;
  readonly tags_match_mode: "any" | "all" | undefined;
  readonly owners: readonly string[] | undefined;
  readonly exclude_stale: boolean;
  readonly paused: boolean | undefined;
  readonly has_import_errors: boolean | undefined;
  readonly dag_run_state: readonly string[] | undefined;
}

function conditionsOf(query: DagQuery): Condition[] {
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
  return conditions;
}

/** Any, or all, of the names are in a column that holds a JSON list of texts. */
function listed(column: string, names: readonly string[] | undefined, all: boolean): Condition[] {
  if (names === undefined || names.length === 0) return [];
  const part = `${column} like ? escape '!'`;
  const sql = names.map(() => part).join(all ? " and " : " or ");
  const values = names.map((it) => `%${JSON.stringify(it).replaceAll(/[!%_]/g, "!$&")}%`);
  return [{ sql, values }];
}

async function findPage(queries: Queries, query: ListQuery & DagQuery): Promise<Page> {
  const selection = selectionOf(spec, query);
  const conditions = [...selection.conditions, ...conditionsOf(query)];
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

const patchBody = { is_paused: required(boolean()) };
const patchQuery = { update_mask: list(text()) };

const lists: readonly Route[] = [
  route({
    method: "GET",
    path: "/dags",
    subject: "dag",
    query: listQuery,
    handle: async ({ ports, query }) => {
      const { rows, total } = await findPage(ports.database, query);
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
      const { rows, total } = await findPage(ports.database, query);
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
      const shape = await shapeOf(call.ports, dag, await brokenFiles(database));
      return ok({ ...shape, ...dagDetails(dag, version?.model, { activeRuns, latest }) });
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

/** DAGs. */
export const dagRoutes: readonly Route[] = [...lists, ...single];
