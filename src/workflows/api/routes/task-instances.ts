import type { Json, JsonObject } from "#api/object.ts";
import { reachable, graphOf } from "#dag/model/graph.ts";
import type { TaskModel } from "#dag/model/model.ts";
import { instanceRow, type InstanceKey, type InstanceRow } from "#workflows/state/instances.ts";
import { selectPage, type Condition } from "#workflows/state/page.ts";
import { findRun } from "#workflows/state/runs.ts";
import { setInstanceStates, setNotes } from "#workflows/scheduler/set-state.ts";
import { ok, type Answer } from "#workflows/api/exchange.ts";
import {
  boolean,
  integer,
  list,
  nullable,
  oneOf,
  text,
  withDefault,
  type Values,
} from "#workflows/api/fields.ts";
import {
  anyOf,
  listFields,
  selectionOf,
  type ListQuery,
  type ListSpec,
} from "#workflows/api/list.ts";
import { notFound } from "#workflows/api/problem.ts";
import { route, type Call, type Route } from "#workflows/api/routing.ts";
import { instanceColumns, instanceShape, instanceTables } from "#workflows/api/shapes/instances.ts";
import {
  inPath,
  instanceNotFound,
  requireInstanceRow,
  requireRunRow,
  runKey,
  wildcard,
} from "./find.ts";
import { timeRanges } from "./time-ranges.ts";

/** Below a run of a DAG. */
export const instancesPath = "/dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances";
/** One instance; of a mapped task, `{map_index}` follows or is a parameter. */
export const instancePath = `${instancesPath}/{task_id}`;

const ranges = timeRanges("task_instance");

const spec: ListSpec = {
  filters: [
    ...ranges,
    { kind: "equal", name: "task_id", column: "task_instance.task_id", of: "text" },
    { kind: "any", name: "state", column: "task_instance.state", of: "text" },
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
  const index = given === undefined ? mapIndex : Number(given);
  return { ...runKey(call), taskId: inPath(call, "task_id"), mapIndex: index };
}

export const mapIndexQuery = { map_index: withDefault(integer(), -1) };

/** Both paths of an operation on one instance. */
function instancePaths(tail: string): readonly string[] {
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
  more: readonly Condition[],
): Promise<Answer> {
  const selection = selectionOf(spec, query);
  const { rows, total } = await selectPage(call.ports.database, {
    ...selection,
    columns: instanceColumns,
    from: instanceTables,
    conditions: [...selection.conditions, ...more],
  });
  return ok({ task_instances: rows.map(instanceShape), total_entries: total });
}

/** Of the DAG and the run in the path, unless they are `~`. */
async function inScope(call: Pick<Call, "path" | "ports">): Promise<Condition[]> {
  const { dagId, runId } = runKey(call);
  if (dagId !== wildcard && runId !== wildcard)
    await requireRunRow(call.ports.database, { dagId, runId });
  return [
    ...anyOf("task_instance.dag_id", dagId === wildcard ? [] : [dagId]),
    ...anyOf("task_instance.run_id", runId === wildcard ? [] : [runId]),
  ];
}

const batchBody = {
  dag_ids: nullable(list(text())),
  dag_run_ids: nullable(list(text())),
  task_ids: nullable(list(text())),
  state: nullable(list(nullable(text()))),
  pool: nullable(list(text())),
  queue: nullable(list(text())),
  executor: nullable(list(text())),
  page_offset: withDefault(integer({ min: 0 }), 0),
  page_limit: withDefault(integer({ min: 0 }), 100),
  order_by: nullable(text()),
  ...Object.fromEntries(
    Object.entries(listFields({ ...spec, filters: ranges }))
      .filter(([name]) => !["limit", "offset", "order_by"].includes(name))
      .map(([name, field]) => [name, nullable(field)]),
  ),
};

const lists: readonly Route[] = [
  route({
    method: "GET",
    path: instancesPath,
    subject: "dag",
    query: { ...listFields(spec), task_group_id: text() },
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

const patchBody = {
  new_state: nullable(oneOf(["success", "failed", "skipped"])),
  note: nullable(text({ max: 1_000 })),
  include_upstream: withDefault(boolean(), false),
  include_downstream: withDefault(boolean(), false),
  include_future: withDefault(boolean(), false),
  include_past: withDefault(boolean(), false),
};
const patchQuery = { map_index: nullable(integer()), update_mask: list(text()) };

type Patch = Call<Values<typeof patchQuery>, Values<typeof patchBody>>;

/** Which instances of a run a patch is about, and of which other runs of the DAG. */
async function patched(
  call: Patch,
): Promise<{ readonly runIds: readonly string[]; readonly chosen: (it: InstanceRow) => boolean }> {
  const { database } = call.ports;
  const { body } = call;
  const key = instanceKey(call, call.query.map_index ?? -2);
  const tasks = await tasksOf(call);
  const { byId, downstream } = graphOf(tasks);
  const ids = new Set<string>();
  const upstream = new Map(tasks.map((it) => [it.id, it.upstream]));
  if (body.include_upstream) for (const id of reachable(key.taskId, upstream)) ids.add(id);
  if (body.include_downstream) for (const id of reachable(key.taskId, downstream)) ids.add(id);
  ids.delete(key.taskId);
  const chosen = ({ taskId, mapIndex }: InstanceRow): boolean =>
    taskId === key.taskId ? key.mapIndex === -2 || mapIndex === key.mapIndex : ids.has(taskId);
  const run = await findRun(database, key);
  if (run === undefined || !byId.has(key.taskId)) throw instanceNotFound(key);
  const runIds = [run.runId];
  for (const [isWanted, sign] of [
    [body.include_past, "<"],
    [body.include_future, ">"],
  ] as const) {
    if (!isWanted) continue;
    const sql = `select run_id from dag_run where dag_id = ? and logical_date ${sign} ?`;
    const rows = await database.rows(sql, run.dagId, run.logicalDate);
    runIds.push(...rows.map((row) => String(row["run_id"])));
  }
  return { runIds, chosen };
}

async function patch(call: Patch, isDry: boolean): Promise<Answer> {
  const { database, clock } = call.ports;
  const { body, query, user } = call;
  const { dagId } = runKey(call);
  const { runIds, chosen } = await patched(call);
  const mask = query.update_mask ?? ["new_state", "note"];
  const state = mask.includes("new_state") ? (body.new_state ?? undefined) : undefined;
  const shown: Json[] = [];
  for (const runId of runIds) {
    const of = { run: { dagId, runId }, owner: user.name, chosen };
    if (!isDry && mask.includes("note") && body.note !== undefined) {
      await setNotes(database, { ...of, note: body.note });
    }
    if (!isDry && state !== undefined)
      await setInstanceStates(database, { ...of, state }, clock.now());
    const rows = await database.rows(
      `select ${instanceColumns} from ${instanceTables} where task_instance.dag_id = ?
         and task_instance.run_id = ? order by task_instance.task_id, task_instance.map_index`,
      dagId,
      runId,
    );
    shown.push(...rows.filter((row) => chosen(instanceRow(row))).map(instanceShape));
  }
  if (shown.length === 0) throw instanceNotFound(instanceKey(call, query.map_index ?? -1));
  return ok({ task_instances: shown, total_entries: shown.length });
}

const patchRoutes: readonly Route[] = instancePaths("").flatMap((path) => [
  route({
    method: "PATCH",
    path,
    subject: "dag",
    query: patchQuery,
    body: patchBody,
    handle: (call) => patch(call, false),
  }),
  route({
    method: "PATCH",
    path: `${path}/dry_run`,
    subject: "dag",
    reads: true,
    query: patchQuery,
    body: patchBody,
    handle: (call) => patch(call, true),
  }),
]);

/** Task instances: listed, shown, and given a state by hand. */
export const taskInstanceRoutes: readonly Route[] = [...lists, ...getRoutes, ...patchRoutes];
