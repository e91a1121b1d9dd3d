import type { Json, JsonObject } from "#api/object.ts";
import { numberOf, textOf } from "#sql/columns.ts";
import type { Row } from "#sql/database.ts";
import { deleteOutput, outputSizeMax, saveOutput } from "#workflows/state/outputs.ts";
import { selectPage } from "#workflows/state/page.ts";
import type { InstanceKey } from "#workflows/state/instances.ts";
import { created, noContent, ok } from "#workflows/api/exchange.ts";
import { boolean, integer, json, required, text, withDefault } from "#workflows/api/fields.ts";
import { anyOf, listFields, selectionOf, type ListSpec } from "#workflows/api/list.ts";
import { ApiProblem, conflict, notFound } from "#workflows/api/problem.ts";
import { route, type Call, type Route } from "#workflows/api/routing.ts";
import { moment } from "#workflows/api/shapes/values.ts";
import { inPath, requireInstanceRow, wildcard } from "./find.ts";
import { instanceKey, instancePath, mapIndexQuery } from "./task-instances.ts";

const entriesPath = `${instancePath}/xcomEntries`;
const entryPath = `${entriesPath}/{xcom_key}`;

const tables =
  "output join dag_run on dag_run.dag_id = output.dag_id and dag_run.run_id = output.run_id";
const columns = "output.*, dag_run.logical_date as logical_date, dag_run.run_after as run_after";

const spec: ListSpec = {
  filters: [
    { kind: "equal", name: "xcom_key", column: "output.name", of: "text" },
    { kind: "equal", name: "map_index", column: "output.map_index", of: "integer" },
    { kind: "equal", name: "map_index_filter", column: "output.map_index", of: "integer" },
    { kind: "pattern", name: "xcom_key", column: "output.name" },
    { kind: "pattern", name: "dag_display_name", column: "output.dag_id" },
    { kind: "pattern", name: "run_id", column: "output.run_id" },
    { kind: "pattern", name: "task_id", column: "output.task_id" },
    { kind: "range", name: "logical_date", column: "dag_run.logical_date", of: "date" },
    { kind: "range", name: "run_after", column: "dag_run.run_after", of: "date" },
  ],
  order: {
    dag_id: "output.dag_id",
    task_id: "output.task_id",
    run_id: "output.run_id",
    map_index: "output.map_index",
    key: "output.name",
    timestamp: "output.at",
    run_after: "dag_run.run_after",
  },
  defaultOrder: ["dag_id", "task_id", "run_id", "map_index", "key"],
  key: ["output.dag_id", "output.run_id", "output.task_id", "output.map_index", "output.name"],
};

/** A row as `XComResponse`. */
function shape(row: Row): JsonObject {
  const dagId = textOf(row, "dag_id");
  const taskId = textOf(row, "task_id");
  return {
    key: textOf(row, "name"),
    timestamp: moment(numberOf(row, "at")),
    logical_date: moment(numberOf(row, "logical_date")),
    map_index: numberOf(row, "map_index"),
    task_id: taskId,
    dag_id: dagId,
    run_id: textOf(row, "run_id"),
    dag_display_name: dagId,
    task_display_name: taskId,
    run_after: moment(numberOf(row, "run_after")),
  };
}

function withValue(row: Row, isText: boolean): JsonObject {
  const value = textOf(row, "value");
  return { ...shape(row), value: isText ? value : (JSON.parse(value) as Json) };
}

async function findRow(
  call: Pick<Call, "ports">,
  key: InstanceKey,
  name: string,
): Promise<Row | undefined> {
  const [row] = await call.ports.database.rows(
    `select ${columns} from ${tables} where output.dag_id = ? and output.run_id = ?
       and output.task_id = ? and output.map_index = ? and output.name = ?`,
    key.dagId,
    key.runId,
    key.taskId,
    key.mapIndex,
    name,
  );
  return row;
}

async function requireRow(call: Pick<Call, "ports">, key: InstanceKey, name: string): Promise<Row> {
  const row = await findRow(call, key, name);
  if (row === undefined) throw notFound(`XCom entry with key: \`${name}\` not found`);
  return row;
}

/** @throws {ApiProblem} 413 */
async function store(
  call: Pick<Call, "ports">,
  key: InstanceKey & { name: string },
  value: Json,
): Promise<void> {
  const size = Buffer.byteLength(JSON.stringify(value));
  if (size > outputSizeMax) {
    throw new ApiProblem(
      413,
      `The value has ${size} bytes, of which at most ${outputSizeMax} are stored`,
    );
  }
  await saveOutput(call.ports.database, key, { value }, call.ports.clock.now());
}

/** What tasks hand on. */
export const xcomRoutes: readonly Route[] = [
  route({
    method: "GET",
    path: entriesPath,
    subject: "dag",
    query: listFields(spec),
    handle: async (call) => {
      const selection = selectionOf(spec, call.query);
      const { dagId, runId, taskId } = instanceKey(call, -1);
      const named = (column: string, value: string) =>
        anyOf(column, value === wildcard ? [] : [value]);
      const { rows, total } = await selectPage(call.ports.database, {
        ...selection,
        columns,
        from: tables,
        conditions: [
          ...selection.conditions,
          ...named("output.dag_id", dagId),
          ...named("output.run_id", runId),
          ...named("output.task_id", taskId),
        ],
      });
      return ok({ xcom_entries: rows.map(shape), total_entries: total });
    },
  }),
  route({
    method: "POST",
    path: entriesPath,
    subject: "dag",
    body: {
      key: required(text({ max: 512 })),
      value: required(json()),
      map_index: withDefault(integer(), -1),
    },
    handle: async (call) => {
      const { key: name, value, map_index: mapIndex } = call.body;
      const key = { ...instanceKey(call, mapIndex), name };
      await requireInstanceRow(call.ports.database, key);
      if ((await findRow(call, key, name)) !== undefined) {
        throw conflict(
          `The XCom with key: \`${name}\` with mentioned task instance already exists.`,
        );
      }
      await store(call, key, value);
      return created(withValue(await requireRow(call, key, name), false));
    },
  }),
  route({
    method: "GET",
    path: entryPath,
    subject: "dag",
    query: { ...mapIndexQuery, deserialize: boolean(), stringify: withDefault(boolean(), false) },
    handle: async (call) => {
      const row = await requireRow(
        call,
        instanceKey(call, call.query.map_index),
        inPath(call, "xcom_key"),
      );
      return ok(withValue(row, call.query.stringify));
    },
  }),
  route({
    method: "PATCH",
    path: entryPath,
    subject: "dag",
    body: { value: required(json()), map_index: withDefault(integer(), -1) },
    handle: async (call) => {
      const name = inPath(call, "xcom_key");
      const key = { ...instanceKey(call, call.body.map_index), name };
      if ((await findRow(call, key, name)) === undefined) {
        throw notFound(
          `The XCom with key: \`${name}\` with mentioned task instance doesn't exist.`,
        );
      }
      await store(call, key, call.body.value);
      return ok(withValue(await requireRow(call, key, name), false));
    },
  }),
  route({
    method: "DELETE",
    path: entryPath,
    subject: "dag",
    query: mapIndexQuery,
    handle: async (call) => {
      const name = inPath(call, "xcom_key");
      const key = { ...instanceKey(call, call.query.map_index), name };
      if (await deleteOutput(call.ports.database, key)) return noContent;
      throw notFound(`The XCom with key: \`${name}\` with mentioned task instance doesn't exist.`);
    },
  }),
];
