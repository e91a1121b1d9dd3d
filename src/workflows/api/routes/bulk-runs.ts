import type { Json } from "#api/object.ts";
import { setRunState } from "#workflows/scheduler/set-state.ts";
import { deleteRun } from "#workflows/state/deletion.ts";
import { describeRun, findRun, type RunKey } from "#workflows/state/runs.ts";
import { readBody, nullable, oneOf, required, text, type Values } from "#workflows/api/fields.ts";
import { ApiProblem, badRequest, conflict, notFound } from "#workflows/api/problem.ts";
import { route, type Call, type Route } from "#workflows/api/routing.ts";
import { bulkAnswer, bulkBody, refusal, type Action, type Outcome } from "./bulk.ts";
import { inPath, wildcard } from "./find.ts";

const entityFields = {
  dag_run_id: required(text()),
  dag_id: nullable(text()),
  state: nullable(oneOf(["queued", "success", "failed"])),
  note: nullable(text({ max: 1_000 })),
};

interface Wanted extends RunKey {
  readonly entity: Values<typeof entityFields>;
}

/** @throws {ApiProblem} 400 for a run whose DAG is not named. */
function wantedOf(call: Call, entity: Json, loc: readonly (string | number)[]): Wanted {
  const isName = typeof entity === "string";
  const read = readBody(entityFields, isName ? { dag_run_id: entity } : entity, loc);
  const dagId = read.dag_id ?? inPath(call, "dag_id");
  const runId = read.dag_run_id;
  if (dagId !== wildcard && runId !== wildcard) return { dagId, runId, entity: read };
  const where = isName
    ? "dag_id must be specified in BulkDAGRunBody object, not as string"
    : "dag_id must be specified in request body";
  throw badRequest(`When using wildcard in path, ${where} for dag_run_id: ${runId}`);
}

/** The runs of an action that are there. @throws {ApiProblem} 404 when one must be and is not. */
async function present(
  call: Call,
  action: Action,
  all: readonly Wanted[],
): Promise<readonly Wanted[]> {
  const found: Wanted[] = [];
  const missing: string[] = [];
  for (const it of all) {
    if ((await findRun(call.ports.database, it)) !== undefined) found.push(it);
    else missing.push(`('${it.dagId}', '${it.runId}')`);
  }
  if (missing.length > 0 && action.action_on_non_existence === "fail") {
    const names = missing.sort().join(", ");
    throw notFound(`The DagRuns with these identifiers: [${names}] were not found`);
  }
  return found;
}

async function change({ ports, user }: Call, { entity, ...key }: Wanted): Promise<void> {
  const { database, clock } = ports;
  const { state, note } = entity;
  if (note != null) await describeRun(database, key, { note: note === "" ? null : note });
  if (state == null) return;
  await setRunState(database, { ...key, state, owner: user.name }, clock.now());
}

/** @throws {ApiProblem} 409 */
async function remove({ ports, user }: Call, key: RunKey): Promise<void> {
  const { database, clock } = ports;
  const { dagId, runId } = key;
  const owner = user.name;
  if ((await deleteRun(database, { dagId, runId, owner }, clock.now())) !== "busy") return;
  throw conflict(
    `The DagRun with dag_id: \`${dagId}\` and run_id: \`${runId}\` cannot be deleted in running state`,
  );
}

async function act(call: Call, action: Action, outcome: Outcome, at: number): Promise<void> {
  if (action.action === "create") {
    const error =
      "Dag Runs bulk create is not supported. Use the trigger Dag Run endpoint instead.";
    throw new ApiProblem(405, error);
  }
  const all: Wanted[] = [];
  for (const [index, entity] of action.entities.entries()) {
    try {
      all.push(wantedOf(call, entity, ["body", "actions", at, "entities", index]));
    } catch (error) {
      outcome.errors.push(refusal(error));
    }
  }
  for (const it of await present(call, action, all)) {
    try {
      if (action.action === "delete") await remove(call, it);
      else await change(call, it);
      outcome.success.push(`${it.dagId}.${it.runId}`);
    } catch (error) {
      outcome.errors.push(refusal(error));
    }
  }
}

/** Runs that are changed or deleted many at a time. */
export const bulkRunsRoute: Route = route({
  method: "PATCH",
  path: "/dags/{dag_id}/dagRuns",
  subject: "dag",
  body: bulkBody,
  handle: (call) => bulkAnswer(call.body, (action, outcome, at) => act(call, action, outcome, at)),
});
