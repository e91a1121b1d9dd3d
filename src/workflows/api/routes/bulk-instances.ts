import type { Json } from "#api/object.ts";
import { deleteInstance } from "#workflows/state/deletion.ts";
import { listInstances, type InstanceKey } from "#workflows/state/instances.ts";
import { integer, nullable, readBody, required, text, type Values } from "#workflows/api/fields.ts";
import { ApiProblem, badRequest, conflict, notFound } from "#workflows/api/problem.ts";
import { route, type Call, type Route } from "#workflows/api/routing.ts";
import { bulkAnswer, bulkBody, refusal, type Action, type Outcome } from "./bulk.ts";
import { runKey, wildcard } from "./find.ts";
import { patchFields, patchInstances } from "./patch-instances.ts";
import { instancesPath } from "./task-instances.ts";

const entityFields = {
  ...patchFields,
  task_id: required(text()),
  map_index: nullable(integer()),
  dag_id: nullable(text()),
  dag_run_id: nullable(text()),
};

interface Wanted {
  readonly key: Omit<InstanceKey, "mapIndex">;
  readonly entity: Values<typeof entityFields>;
}

/** @throws {ApiProblem} 400 for one whose run is not named. */
function wantedOf(call: Call, entity: Json, loc: readonly (string | number)[]): Wanted {
  const isName = typeof entity === "string";
  const read = readBody(entityFields, isName ? { task_id: entity } : entity, loc);
  const path = runKey(call);
  const dagId = read.dag_id ?? path.dagId;
  const runId = read.dag_run_id ?? path.runId;
  if (dagId !== wildcard && runId !== wildcard) {
    return { key: { dagId, runId, taskId: read.task_id }, entity: read };
  }
  const where = isName ? "BulkTaskInstanceBody object, not as string" : "request body";
  throw badRequest(
    `When using wildcard in path, dag_id and dag_run_id must be specified in ${where} for task_id: ${read.task_id}`,
  );
}

/** The map indexes that are meant and there. @throws {ApiProblem} 404 when some must be and are not. */
async function indexesOf(call: Call, action: Action, { key, entity }: Wanted): Promise<number[]> {
  const { map_index: wanted } = entity;
  const all = (await listInstances(call.ports.database, key))
    .filter((it) => it.taskId === key.taskId && (wanted == null || it.mapIndex === wanted))
    .map((it) => it.mapIndex);
  if (all.length > 0 || action.action_on_non_existence === "skip") return all;
  const { dagId, runId, taskId } = key;
  throw notFound(
    wanted == null
      ? `No task instances found for dag_id: ${dagId}, run_id: ${runId}, task_id: ${taskId}`
      : `The task instances with these identifiers: [{'dag_id': '${dagId}', 'dag_run_id': '${runId}', 'task_id': '${taskId}', 'map_index': ${wanted}}] were not found`,
  );
}

async function act(call: Call, action: Action, outcome: Outcome, at: number): Promise<void> {
  if (action.action === "create") {
    throw new ApiProblem(405, "Task instances bulk create is not supported");
  }
  for (const [index, entity] of action.entities.entries()) {
    try {
      const wanted = wantedOf(call, entity, ["body", "actions", at, "entities", index]);
      for (const mapIndex of await indexesOf(call, action, wanted)) {
        if (action.action === "delete") await remove(call, { ...wanted.key, mapIndex });
        else await change(call, action, { ...wanted, mapIndex });
        const { dagId, runId, taskId } = wanted.key;
        outcome.success.push(`${dagId}.${runId}.${taskId}[${mapIndex}]`);
      }
    } catch (error) {
      outcome.errors.push(refusal(error));
    }
  }
}

/** @throws {ApiProblem} 409 when nothing has another state. */
async function change(
  call: Call,
  action: Action,
  { key, entity, mapIndex }: Wanted & { readonly mapIndex: number },
): Promise<void> {
  const patch = { run: key, taskIds: new Set([key.taskId]), mapIndex, body: entity };
  const mask = action.update_mask ?? undefined;
  const { changed, state } = await patchInstances(call, { ...patch, mask }, false);
  if (state === undefined || changed.length > 0) return;
  throw conflict(`Task id ${key.taskId} is already in ${state} state`);
}

async function remove({ ports, user }: Call, key: InstanceKey): Promise<void> {
  await deleteInstance(ports.database, { ...key, owner: user.name }, ports.clock.now());
}

/** Task instances that are changed or deleted many at a time. */
export const bulkInstancesRoute: Route = route({
  method: "PATCH",
  path: instancesPath,
  subject: "dag",
  body: bulkBody,
  handle: (call) => bulkAnswer(call.body, (action, outcome, at) => act(call, action, outcome, at)),
});
