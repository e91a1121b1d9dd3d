import type { JsonObject } from "#api/object.ts";
import type { TaskModel } from "#dag/model/model.ts";
import { deleteInstance } from "#workflows/state/deletion.ts";
import type { InstanceKey } from "#workflows/state/instances.ts";
import type { Condition } from "#workflows/state/page.ts";
import { findRun } from "#workflows/state/runs.ts";
import { ok, type Answer } from "#workflows/api/exchange.ts";
import { findPage } from "#workflows/api/cursor.ts";
import { integer, list, nullable, text, withDefault } from "#workflows/api/fields.ts";
import {
  batchFields,
  anyOf,
  listFields,
  type ListQuery,
  type ListSpec,
} from "#workflows/api/list.ts";
import { badRequest, notFound } from "#workflows/api/problem.ts";
import { route, type Call, type Route } from "#workflows/api/routing.ts";
import { instanceColumns, instanceShape, instanceTables } from "#workflows/api/shapes/instances.ts";
import {
  inPath,
  integerInPath,
  instanceNotFound,
  requireInstanceRow,
  requireRunRow,
  runKey,
  wildcard,
} from "./find.ts";
import { timeRanges, updatedRange } from "./time-ranges.ts";

/** Below a run of a DAG. */
export const instancesPath = "/dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances";
/** One instance; of a mapped task, `{map_index}` follows or is a parameter. */
export const instancePath = `${instancesPath}/{task_id}`;

const ranges = timeRanges("task_instance");

const renderedMapIndex = "cast(task_instance.map_index as text)";

/** Airflow's, in its order, which its messages have; some of them do not occur here. */
const taskStates: readonly string[] = [
  "removed",
  "scheduled",
  "queued",
  "running",
  "success",
  "restarting",
  "failed",
  "up_for_retry",
  "up_for_reschedule",
  "upstream_failed",
  "skipped",
  "deferred",
  "awaiting_input",
];

const spec: ListSpec = {
  filters: [
    ...ranges,
    updatedRange("task_instance"),
    { kind: "equal", name: "task_id", column: "task_instance.task_id", of: "text" },
    { kind: "any", name: "state", column: "task_instance.state", of: "text", among: taskStates },
    { kind: "any", name: "pool", column: "task_instance.pool", of: "text" },
    { kind: "any", name: "queue", column: "task_instance.queue", of: "text" },
    { kind: "any", name: "executor", column: "task_instance.executor", of: "text" },
    { kind: "any", name: "operator", column: "task_instance.operator", of: "text" },
    { kind: "any", name: "map_index", column: "task_instance.map_index", of: "integer" },
    { kind: "any", name: "try_number", column: "task_instance.try_number", of: "integer" },
    { kind: "any", name: "version_number", column: "dag_run.version", of: "integer" },
    { kind: "pattern", name: "task_display_name", column: "task_instance.task_id" },
    { kind: "pattern", name: "dag_id", column: "task_instance.dag_id" },
    { kind: "pattern", name: "run_id", column: "task_instance.run_id" },
    { kind: "pattern", name: "pool_name", column: "task_instance.pool" },
    { kind: "pattern", name: "queue_name", column: "task_instance.queue" },
    { kind: "pattern", name: "operator_name", column: "task_instance.operator" },
    { kind: "pattern", name: "rendered_map_index", column: renderedMapIndex },
  ],
  order: {
    id: "task_instance.task_id",
    task_id: "task_instance.task_id",
    dag_id: "task_instance.dag_id",
    run_id: "task_instance.run_id",
    map_index: "task_instance.map_index",
    rendered_map_index: "task_instance.map_index",
    state: "task_instance.state",
    try_number: "task_instance.try_number",
    start_date: "task_instance.started_at",
    end_date: "task_instance.ended_at",
    duration: "(task_instance.ended_at - task_instance.started_at)",
    queued_dttm: "task_instance.queued_at",
    scheduled_dttm: "task_instance.scheduled_at",
    pool: "task_instance.pool",
    operator: "task_instance.operator",
    logical_date: "dag_run.logical_date",
    run_after: "dag_run.run_after",
    data_interval_start: "dag_run.interval_start",
    data_interval_end: "dag_run.interval_end",
  },
  defaultOrder: ["map_index"],
  key: [
    "task_instance.dag_id",
    "dag_run.run_after",
    "task_instance.run_id",
    "task_instance.task_id",
    "task_instance.map_index",
  ],
};

/** The instance of the path; without `{map_index}` there, the parameter counts. */
export function instanceKey(call: Pick<Call, "path">, mapIndex: number): InstanceKey {
  const given = call.path["map_index"];
  const index = given === undefined ? mapIndex : integerInPath(call, "map_index");
  return { ...runKey(call), taskId: inPath(call, "task_id"), mapIndex: index };
}

export const mapIndexQuery = { map_index: withDefault(integer(), -1) };

/** Both paths of an operation on one instance. */
export function instancePaths(tail: string): readonly string[] {
  return [`${instancePath}${tail}`, `${instancePath}/{map_index}${tail}`];
}

/**
 * What is read of one instance, at both of its paths with `tail` behind: `read` gives the answer's body.
 */
export function instanceReads(
  tail: string,
  read: (key: InstanceKey, call: Pick<Call, "path" | "ports">) => Promise<JsonObject>,
): readonly Route[] {
  return instancePaths(tail).map((path) =>
    route({
      method: "GET",
      path,
      subject: "dag",
      query: mapIndexQuery,
      handle: async (call) => ok(await read(instanceKey(call, call.query.map_index), call)),
    }),
  );
}

async function answerList(
  call: Pick<Call, "ports">,
  query: ListQuery,
  conditions: readonly Condition[],
): Promise<Answer> {
  const of = { columns: instanceColumns, from: instanceTables, conditions };
  const { rows, about } = await findPage(call.ports.database, { spec, query }, of);
  return ok({ task_instances: rows.map(instanceShape), ...about });
}

/** Of the DAG and the run in the path, unless they are `~`. */
async function inScope(call: Pick<Call, "path" | "ports">): Promise<Condition[]> {
  const { dagId, runId } = runKey(call);
  if (dagId === wildcard && runId !== wildcard) {
    throw badRequest("dag_id is required when dag_run_id is specified");
  }
  if (dagId !== wildcard && runId !== wildcard)
    await requireRunRow(call.ports.database, { dagId, runId });
  return [
    ...anyOf("task_instance.dag_id", dagId === wildcard ? [] : [dagId]),
    ...anyOf("task_instance.run_id", runId === wildcard ? [] : [runId]),
  ];
}

const batchBody = {
  ...batchFields(ranges),
  dag_ids: nullable(list(text())),
  dag_run_ids: nullable(list(text())),
  task_ids: nullable(list(text())),
  state: nullable(list(nullable(text()))),
  pool: nullable(list(text())),
  queue: nullable(list(text())),
  executor: nullable(list(text())),
};

const lists: readonly Route[] = [
  route({
    method: "GET",
    path: instancesPath,
    subject: "dag",
    query: { ...listFields(spec), task_group_id: text(), cursor: text() },
    handle: async (call) => {
      const more = await inScope(call);
      const group = call.query.task_group_id;
      if (group !== undefined) {
        const sql = "substr(task_instance.task_id, 1, ?) = ?";
        more.push({ sql, values: [group.length + 1, `${group}.`] });
      }
      return await answerList(call, call.query, more);
    },
  }),
  route({
    method: "POST",
    path: `${instancesPath}/list`,
    subject: "dag",
    reads: true,
    body: batchBody,
    handle: async (call) => {
      const { body } = call;
      const { page_limit: limit, page_offset: offset, order_by: order } = body;
      const order_by = order == null ? undefined : [order];
      return await answerList(call, { ...body, limit, offset, order_by }, [
        ...(await inScope(call)),
        ...anyOf("task_instance.dag_id", body.dag_ids ?? []),
        ...anyOf("task_instance.run_id", body.dag_run_ids ?? []),
        ...anyOf("task_instance.task_id", body.task_ids ?? []),
      ]);
    },
  }),
  route({
    method: "GET",
    path: `${instancePath}/listMapped`,
    subject: "dag",
    query: listFields(spec),
    handle: async (call) => {
      const { database } = call.ports;
      const taskId = inPath(call, "task_id");
      const task = await taskOf(call);
      if (task === undefined) throw notFound(`Task id ${taskId} not found`);
      if (task.expand === undefined) throw notFound(`Task id ${taskId} is not mapped`);
      const { dagId, runId } = runKey(call);
      await requireRunRow(database, { dagId, runId });
      return await answerList(call, call.query, [
        ...anyOf("task_instance.dag_id", [dagId]),
        ...anyOf("task_instance.run_id", [runId]),
        ...anyOf("task_instance.task_id", [taskId]),
        { sql: "task_instance.map_index >= 0", values: [] },
      ]);
    },
  }),
];

async function tasksOf(call: Pick<Call, "path" | "ports">): Promise<readonly TaskModel[]> {
  const run = await findRun(call.ports.database, runKey(call));
  const { models, database } = call.ports;
  const version = run && (await models.get(database, run.dagId, run.version));
  return version?.model.tasks ?? [];
}

async function taskOf(call: Pick<Call, "path" | "ports">): Promise<TaskModel | undefined> {
  const taskId = inPath(call, "task_id");
  return (await tasksOf(call)).find((it) => it.id === taskId);
}

const getRoutes = instanceReads("", async (key, { ports }) =>
  instanceShape(await requireInstanceRow(ports.database, key)),
);

const deletion: Route = route({
  method: "DELETE",
  path: instancePath,
  subject: "dag",
  query: mapIndexQuery,
  handle: async (call) => {
    const { database, clock } = call.ports;
    const key = instanceKey(call, call.query.map_index);
    const owner = call.user.name;
    if (await deleteInstance(database, { ...key, owner }, clock.now())) return ok(null);
    throw instanceNotFound(key);
  },
});

/** Task instances: listed, shown and deleted. */
export const taskInstanceRoutes: readonly Route[] = [...lists, ...getRoutes, deletion];
