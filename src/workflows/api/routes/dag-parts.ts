import type { JsonObject } from "#api/object.ts";
import { graphOf } from "#dag/model/graph.ts";
import type { DagModel, TaskModel } from "#dag/model/model.ts";
import { maybeNumber, numberOf, textOf } from "#sql/columns.ts";
import type { Row } from "#sql/database.ts";
import { findBundle, findVersion } from "#workflows/state/dags.ts";
import { listPools } from "#workflows/state/pools.ts";
import { selectPage } from "#workflows/state/page.ts";
import { ok } from "#workflows/api/exchange.ts";
import { integer, list, text, withDefault } from "#workflows/api/fields.ts";
import { listFields, selectionOf, type ListSpec } from "#workflows/api/list.ts";
import { compare, shortPage, type ShortListSpec } from "#workflows/api/short-list.ts";
import { badRequest, notFound } from "#workflows/api/problem.ts";
import { route, type Call, type Route } from "#workflows/api/routing.ts";
import { bundleName, versionShape } from "#workflows/api/shapes/dags.ts";
import { moment, timeDelta } from "#workflows/api/shapes/values.ts";
import { inPath, requireDag } from "./find.ts";

/** A task as `TaskResponse`. */
function taskShape(task: TaskModel, model: DagModel): JsonObject {
  return {
    task_id: task.id,
    task_display_name: task.id,
    owner: task.owner,
    start_date: moment(model.startDate),
    end_date: moment(model.endDate),
    trigger_rule: task.triggerRule,
    depends_on_past: task.dependsOnPast,
    wait_for_downstream: task.waitForDownstream,
    retries: task.retries,
    queue: task.queue,
    pool: task.pool,
    pool_slots: task.poolSlots,
    execution_timeout: timeDelta(task.executionTimeoutMs),
    retry_delay: timeDelta(task.retryDelayMs),
    retry_exponential_backoff: task.retryExponentialBackoff ? 2 : 0,
    priority_weight: task.priorityWeight,
    weight_rule: task.weightRule,
    ui_color: null,
    ui_fgcolor: null,
    template_fields: null,
    downstream_task_ids: [...(graphOf(model.tasks).downstream.get(task.id) ?? [])].sort(),
    doc_md: task.doc ?? null,
    operator_name: task.operator,
    params: {},
    class_ref: null,
    is_mapped: task.expand !== undefined,
    extra_links: [],
  };
}

async function modelOf(call: Pick<Call, "path" | "ports">): Promise<DagModel> {
  const dag = await requireDag(call);
  const { models, database } = call.ports;
  const version = await models.get(database, dag.dagId, dag.version);
  if (version === undefined) throw notFound(`The Dag with ID: \`${dag.dagId}\` was not found`);
  return version.model;
}

const tasks: readonly Route[] = [
  route({
    method: "GET",
    path: "/dags/{dag_id}/tasks",
    subject: "dag",
    query: { order_by: withDefault(text(), "task_id") },
    handle: async (call) => {
      const model = await modelOf(call);
      const { order_by: order } = call.query;
      const name = order.replace(/^-/, "");
      const all = model.tasks.map((it) => taskShape(it, model));
      if (all[0] !== undefined && !Object.hasOwn(all[0], name)) {
        throw badRequest(
          `Ordering with '${name}' is disallowed or the attribute does not exist on the model`,
        );
      }
      const sorted = all.sort((a, b) => compare(a[name] ?? null, b[name] ?? null));
      if (order.startsWith("-")) sorted.reverse();
      return ok({ tasks: sorted, total_entries: sorted.length });
    },
  }),
  route({
    method: "GET",
    path: "/dags/{dag_id}/tasks/{task_id}",
    subject: "dag",
    handle: async (call) => {
      const model = await modelOf(call);
      const id = inPath(call, "task_id");
      const task = model.tasks.find((it) => it.id === id);
      if (task === undefined) throw notFound(`Task with id ${id} was not found`);
      return ok(taskShape(task, model));
    },
  }),
];

const versionSpec: ListSpec = {
  filters: [
    { kind: "equal", name: "version_number", column: "number", of: "integer" },
    { kind: "equal", name: "bundle_version", column: "bundle", of: "text" },
    { kind: "equal", name: "dag_id", column: "dag_id", of: "text" },
  ],
  order: {
    id: "created_at",
    version_number: "number",
    bundle_version: "bundle",
    created_at: "created_at",
    dag_id: "dag_id",
    bundle_name: "number",
  },
  defaultOrder: ["id"],
  key: ["dag_id", "number"],
};

function versionRow(row: Row): JsonObject {
  return versionShape({
    dagId: textOf(row, "dag_id"),
    number: numberOf(row, "number"),
    bundle: textOf(row, "bundle"),
    createdAt: numberOf(row, "created_at"),
  });
}

const versions: readonly Route[] = [
  route({
    method: "GET",
    path: "/dags/{dag_id}/dagVersions",
    subject: "dag",
    query: { ...listFields(versionSpec), bundle_name: text() },
    handle: async (call) => {
      const dagId = inPath(call, "dag_id");
      const selection = selectionOf(versionSpec, call.query);
      const conditions = [...selection.conditions];
      const bundle = call.query.bundle_name;
      if (bundle !== undefined && bundle !== bundleName) {
        conditions.push({ sql: "1 = 0", values: [] });
      }
      if (dagId !== "~") {
        await requireDag(call);
        conditions.push({ sql: "dag_id = ?", values: [dagId] });
      }
      const columns = "dag_id, number, bundle, created_at";
      const found = { ...selection, conditions, columns, from: "dag_version" };
      const { rows, total } = await selectPage(call.ports.database, found);
      return ok({ dag_versions: rows.map(versionRow), total_entries: total });
    },
  }),
  route({
    method: "GET",
    path: "/dags/{dag_id}/dagVersions/{version_number}",
    subject: "dag",
    handle: async (call) => {
      const dagId = inPath(call, "dag_id");
      const number = inPath(call, "version_number");
      const [row] = await call.ports.database.rows(
        "select dag_id, number, bundle, created_at from dag_version where dag_id = ? and number = ?",
        dagId,
        /^\d{1,9}$/.test(number) ? Number(number) : -1,
      );
      if (row !== undefined) return ok(versionRow(row));
      throw notFound(
        `The DagVersion with dag_id: \`${dagId}\` and version_number: \`${number}\` was not found`,
      );
    },
  }),
];

const source: Route = route({
  method: "GET",
  path: "/dagSources/{dag_id}",
  subject: "dag",
  query: { version_number: integer() },
  handle: async (call) => {
    const { database } = call.ports;
    const dag = await requireDag(call);
    const number = call.query.version_number ?? dag.version;
    const version = await findVersion(database, dag.dagId, number);
    const content = version && (await findBundle(database, version.bundle))?.[version.file];
    if (content === undefined) {
      throw notFound(
        `The source code of the Dag ${dag.dagId}, version_number ${number} was not found`,
      );
    }
    if (call.request.accept.startsWith("text/plain")) {
      return {
        status: 200,
        body: { kind: "text", type: "text/plain; charset=utf-8", text: content },
      };
    }
    const { dagId } = dag;
    return ok({ content, dag_id: dagId, version_number: number, dag_display_name: dagId });
  },
});

const runStates = ["queued", "running", "success", "failed"];

const stats: Route = route({
  method: "GET",
  path: "/dagStats",
  subject: "dag",
  query: { dag_ids: list(text()) },
  handle: async ({ ports, query }) => {
    const ids = query.dag_ids ?? [];
    const only = ids.length === 0 ? "" : `and dag.dag_id in (${ids.map(() => "?").join(", ")})`;
    const rows = await ports.database.rows(
      `select dag.dag_id as dag_id, dag_run.state as state, count(dag_run.run_id) as count from dag
       left join dag_run on dag_run.dag_id = dag.dag_id where dag.active = 1 ${only}
       group by dag.dag_id, dag_run.state order by dag.dag_id`,
      ...ids,
    );
    const dags = [...Map.groupBy(rows, (row) => textOf(row, "dag_id"))].map(([id, own]) => ({
      dag_id: id,
      dag_display_name: id,
      stats: runStates.map((state) => {
        const row = own.find((it) => it["state"] === state);
        return { state, count: row === undefined ? 0 : (maybeNumber(row, "count") ?? 0) };
      }),
    }));
    return ok({ dags, total_entries: dags.length });
  },
});

const tagSpec: ShortListSpec = {
  filters: [{ kind: "pattern", name: "tag_name", column: "name" }],
  order: { name: "name" },
  defaultOrder: ["name"],
};

const tags: Route = route({
  method: "GET",
  path: "/dagTags",
  subject: "dag",
  query: listFields(tagSpec),
  handle: async ({ ports, query }) => {
    const rows = await ports.database.rows("select distinct tags from dag where active = 1");
    const all = new Set(rows.flatMap((row) => JSON.parse(textOf(row, "tags")) as string[]));
    const { shown, total } = shortPage(
      [...all].map((name) => ({ name })),
      tagSpec,
      query,
    );
    return ok({ tags: shown.map((it) => it["name"] ?? null), total_entries: total });
  },
});

const warningSpec: ShortListSpec = {
  filters: [
    { kind: "equal", name: "dag_id", column: "dag_id", of: "text" },
    { kind: "equal", name: "warning_type", column: "warning_type", of: "text" },
  ],
  order: Object.fromEntries(
    ["dag_id", "warning_type", "message", "timestamp"].map((it) => [it, it]),
  ),
  defaultOrder: ["dag_id"],
};

const warnings: Route = route({
  method: "GET",
  path: "/dagWarnings",
  subject: "dag",
  query: listFields(warningSpec),
  handle: async ({ ports, query }) => {
    const { database, models, clock } = ports;
    const pools = new Set((await listPools(database)).map((it) => it.name));
    const rows = await database.rows("select dag_id, version, parsed_at from dag where active = 1");
    const found: JsonObject[] = [];
    for (const row of rows) {
      const dagId = textOf(row, "dag_id");
      const version = await models.get(database, dagId, numberOf(row, "version"));
      const used = new Set((version?.model.tasks ?? []).map((it) => it.pool));
      const missing = [...used].filter((it) => !pools.has(it)).sort();
      if (missing.length === 0) continue;
      const named = missing.map((it) => `'${it}'`).join(", ");
      found.push({
        dag_id: dagId,
        warning_type: "non-existent pool",
        message: `Dag '${dagId}' references non-existent pools: [${named}]`,
        timestamp: moment(numberOf(row, "parsed_at")) ?? moment(clock.now()),
        dag_display_name: dagId,
      });
    }
    const { shown, total } = shortPage(found, warningSpec, query);
    return ok({ dag_warnings: shown, total_entries: total });
  },
});

/** What DAGs are made of: tasks, versions, source; and figures about them. */
export const dagPartRoutes: readonly Route[] = [
  ...tasks,
  ...versions,
  source,
  stats,
  tags,
  warnings,
];
