import type { JsonObject } from "#api/object.ts";
import { graphOf, reachable } from "#dag/model/graph.ts";
import type { DagModel } from "#dag/model/model.ts";
import { setInstanceStates, setNotes } from "#workflows/scheduler/set-state.ts";
import { instanceRow, type InstanceRow } from "#workflows/state/instances.ts";
import { findRun, type RunKey, type RunRow } from "#workflows/state/runs.ts";
import { ok } from "#workflows/api/exchange.ts";
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
import type { ApiPorts } from "#workflows/api/ports.ts";
import { conflict, notFound } from "#workflows/api/problem.ts";
import { route, type Call, type Route } from "#workflows/api/routing.ts";
import { instanceColumns, instanceShape, instanceTables } from "#workflows/api/shapes/instances.ts";
import { inPath, instanceNotFound, runKey } from "./find.ts";
import { instanceKey, instancePaths } from "./task-instances.ts";

/** What task instances may be given by hand. */
export const patchFields = {
  new_state: nullable(oneOf(["success", "failed", "skipped"])),
  note: nullable(text({ max: 1_000 })),
  include_upstream: withDefault(boolean(), false),
  include_downstream: withDefault(boolean(), false),
  include_future: withDefault(boolean(), false),
  include_past: withDefault(boolean(), false),
};

/** A change of some task instances of a run, and of those around them. */
export interface InstancePatch {
  readonly run: RunKey;
  readonly taskIds: ReadonlySet<string>;
  /** Undefined: all instances of the tasks. */
  readonly mapIndex: number | undefined;
  readonly body: Values<typeof patchFields>;
  /** The fields of the body that count; undefined: those that are given. */
  readonly mask: readonly string[] | undefined;
}

/** The run's model. Undefined when there is no such run. */
async function modelOf(ports: ApiPorts, run: RunRow | undefined): Promise<DagModel | undefined> {
  const version = run && (await ports.models.get(ports.database, run.dagId, run.version));
  return version?.model;
}

/** The tasks around the named ones that are asked for, without themselves. */
function around({ body, taskIds }: InstancePatch, { tasks }: DagModel): ReadonlySet<string> {
  const upstream = new Map(tasks.map((it) => [it.id, it.upstream]));
  const { downstream } = graphOf(tasks);
  const ids = new Set<string>();
  for (const id of taskIds) {
    if (body.include_upstream) for (const it of reachable(id, upstream)) ids.add(it);
    if (body.include_downstream) for (const it of reachable(id, downstream)) ids.add(it);
  }
  for (const id of taskIds) ids.delete(id);
  return ids;
}

/** The run itself and those before and after it that are asked for. */
async function runsOf(ports: ApiPorts, { body }: InstancePatch, run: RunRow): Promise<string[]> {
  const runIds = [run.runId];
  for (const [isWanted, sign] of [
    [body.include_past, "<"],
    [body.include_future, ">"],
  ] as const) {
    if (!isWanted) continue;
    const sql = `select run_id from dag_run where dag_id = ? and logical_date ${sign} ?`;
    const rows = await ports.database.rows(sql, run.dagId, run.logicalDate);
    runIds.push(...rows.map((row) => String(row["run_id"])));
  }
  return runIds;
}

async function shapesOf(
  { database }: ApiPorts,
  run: RunKey,
  chosen: (it: InstanceRow) => boolean,
): Promise<JsonObject[]> {
  const rows = await database.rows(
    `select ${instanceColumns} from ${instanceTables} where task_instance.dag_id = ?
       and task_instance.run_id = ? order by task_instance.task_id, task_instance.map_index`,
    run.dagId,
    run.runId,
  );
  return rows.filter((row) => chosen(instanceRow(row))).map(instanceShape);
}

interface Patched {
  /** The named instances, as they are afterwards. */
  readonly own: JsonObject[];
  /** All that have, or would have, another state, also around them and in other runs. */
  readonly changed: JsonObject[];
  /** The state that was asked for. */
  readonly state: string | undefined;
}

/**
 * Changes instances, or says with `isDry` which would be changed.
 * @throws {ApiProblem} 404 for what is not there.
 */
export async function patchInstances(
  { ports, user }: Pick<Call, "ports" | "user">,
  patch: InstancePatch,
  isDry: boolean,
): Promise<Patched> {
  const { body, taskIds, mapIndex, mask } = patch;
  const counts = (name: string): boolean => mask?.includes(name) ?? true;
  const state = counts("new_state") ? (body.new_state ?? undefined) : undefined;
  const run = await findRun(ports.database, patch.run);
  const model = await modelOf(ports, run);
  const isOwn = ({ taskId, mapIndex: index }: InstanceRow): boolean =>
    taskIds.has(taskId) && (mapIndex === undefined || mapIndex === index);
  const found = await shapesOf(ports, patch.run, isOwn);
  const [taskId = ""] = taskIds;
  if (run === undefined || model === undefined || found.length === 0) {
    throw instanceNotFound({ ...patch.run, taskId, mapIndex: mapIndex ?? -1 });
  }
  const others = around(patch, model);
  const chosen = (it: InstanceRow): boolean => isOwn(it) || others.has(it.taskId);
  const changed: JsonObject[] = [];
  for (const runId of await runsOf(ports, patch, run)) {
    const key = { dagId: run.dagId, runId };
    if (!isDry && counts("note") && body.note !== undefined) {
      const isNoted = runId === run.runId ? isOwn : () => false;
      await setNotes(ports.database, { run: key, note: body.note, chosen: isNoted });
    }
    if (state === undefined) continue;
    const isChanged = (it: InstanceRow): boolean => chosen(it) && it.state !== state;
    changed.push(...(await shapesOf(ports, key, isChanged)));
    if (isDry) continue;
    const change = { run: key, state, owner: user.name, chosen };
    await setInstanceStates(ports.database, change, ports.clock.now());
  }
  return { own: await shapesOf(ports, patch.run, isOwn), changed, state };
}

const single = {
  subject: "dag",
  query: { map_index: nullable(integer()), update_mask: list(text()) },
  body: patchFields,
} as const;
type Patch = Call<Values<(typeof single)["query"]>, Values<typeof patchFields>>;

function patchOf(call: Patch): InstancePatch {
  // An index that no instance has stands for all of them.
  const key = instanceKey(call, call.query.map_index ?? -2);
  return {
    run: { dagId: key.dagId, runId: key.runId },
    taskIds: new Set([key.taskId]),
    mapIndex: key.mapIndex === -2 ? undefined : key.mapIndex,
    body: call.body,
    mask: call.query.update_mask,
  };
}

/** `{group_id}` of the path as a patch. @throws {ApiProblem} 404 */
async function groupPatchOf(call: Patch): Promise<InstancePatch> {
  const run = runKey(call);
  const group = inPath(call, "group_id");
  const model = await modelOf(call.ports, await findRun(call.ports.database, run));
  if (model?.groups.some((it) => it.id === group) !== true) {
    throw notFound(`Task group '${group}' not found in DAG '${run.dagId}'`);
  }
  const taskIds = tasksWithin(model, group);
  return { run, taskIds, mapIndex: undefined, body: call.body, mask: call.query.update_mask };
}

/** The tasks of a group and of the groups in it. */
function tasksWithin({ tasks, groups }: DagModel, group: string): ReadonlySet<string> {
  const parents = new Map(groups.map((it) => [it.id, it.parent]));
  function isWithin(id: string | undefined): boolean {
    if (id === undefined) return false;
    return id === group || isWithin(parents.get(id));
  }
  return new Set(tasks.filter((it) => isWithin(it.group)).map((it) => it.id));
}

function collection(instances: JsonObject[]): JsonObject {
  return { task_instances: instances, total_entries: instances.length };
}

const groupPath = "/dags/{dag_id}/dagRuns/{dag_run_id}/taskGroupInstances/{group_id}";
const kinds = [
  ...instancePaths("").map((path) => ({ path, read: async (call: Patch) => patchOf(call) })),
  { path: groupPath, read: groupPatchOf },
];

/** Task instances, one or those of a group, that are given a state or a note by hand. */
export const patchInstanceRoutes: readonly Route[] = kinds.flatMap(({ path, read }) => [
  route({
    ...single,
    method: "PATCH",
    path,
    handle: async (call) => {
      const { own, changed, state } = await patchInstances(call, await read(call), false);
      if (state !== undefined && changed.length === 0) {
        throw conflict(
          path === groupPath
            ? `All task instances in the group are already in ${state} state`
            : `Task id ${inPath(call, "task_id")} is already in ${state} state`,
        );
      }
      return ok(collection(own));
    },
  }),
  route({
    ...single,
    method: "PATCH",
    path: `${path}/dry_run`,
    handle: async (call) => {
      const { own, changed, state } = await patchInstances(call, await read(call), true);
      return ok(collection(state === undefined ? own : changed));
    },
  }),
]);
