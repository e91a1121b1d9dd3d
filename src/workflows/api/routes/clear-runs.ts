import type { Json, JsonObject } from "#api/object.ts";
import { describeRun, findRun, type RunKey } from "#workflows/state/runs.ts";
import { ok } from "#workflows/api/exchange.ts";
import {
  boolean,
  json,
  list,
  nullable,
  readBody,
  required,
  text,
  withDefault,
  type Values,
} from "#workflows/api/fields.ts";
import { badRequest } from "#workflows/api/problem.ts";
import { route, type Call, type Route } from "#workflows/api/routing.ts";
import { runShape } from "#workflows/api/shapes/runs.ts";
import { clear, clearFields, shapesOf } from "./clear.ts";
import { inPath, requireRunRow, runKey, wildcard } from "./find.ts";

const oneBody = {
  ...clearFields,
  only_failed: withDefault(boolean(), false),
  only_new: withDefault(boolean(), false),
};
type Given = Values<typeof oneBody>;

/** Clears a run. @returns the instances that are, or would be, cleared. @throws {ApiProblem} 404 */
async function clearRun(call: Call, key: RunKey, given: Given): Promise<Json[]> {
  const { database } = call.ports;
  await requireRunRow(database, key);
  const run = await findRun(database, key);
  const choice = {
    tasks: undefined,
    upstream: false,
    downstream: false,
    onlyFailed: given.only_failed,
    onlyRunning: false,
  };
  // A run has the tasks of its version: none is new to it.
  const runs = run === undefined || given.only_new ? [] : [run];
  const cleared = await clear(call, runs, { choices: [choice], dryRun: given.dry_run });
  if (given.dry_run) return await shapesOf(call, cleared);
  if (given.note !== undefined) await describeRun(database, key, { note: given.note });
  return [];
}

async function runOf(call: Call, key: RunKey): Promise<JsonObject> {
  return runShape(await requireRunRow(call.ports.database, key));
}

const one: Route = route({
  method: "POST",
  path: "/dags/{dag_id}/dagRuns/{dag_run_id}/clear",
  subject: "dag",
  body: oneBody,
  handle: async (call) => {
    const key = runKey(call);
    const shown = await clearRun(call, key, call.body);
    if (!call.body.dry_run) return ok(await runOf(call, key));
    return ok({ task_instances: shown, total_entries: shown.length });
  },
});

const manyBody = {
  ...oneBody,
  dag_runs: withDefault(list(json()), []),
  partition_key: nullable(text()),
  partition_date_start: nullable(text()),
  partition_date_end: nullable(text()),
};
const entityFields = {
  dag_run_id: required(text()),
  dag_id: nullable(text()),
  state: nullable(text()),
  note: nullable(text()),
};

/** The runs that are named, each once. @throws {ApiProblem} 400 */
function keysOf(call: Call<unknown, Values<typeof manyBody>>): readonly RunKey[] {
  const dagId = inPath(call, "dag_id");
  const keys = new Map<string, RunKey>();
  for (const [at, it] of call.body.dag_runs.entries()) {
    const { dag_id: own, dag_run_id: runId } = readBody(entityFields, it, ["body", "dag_runs", at]);
    if (dagId === wildcard && (own == null || own === wildcard)) {
      throw badRequest(
        `When the URL dag_id is '~', every entry must provide a concrete dag_id (missing on dag_run_id: '${runId}').`,
      );
    }
    if (dagId !== wildcard && own != null && own !== dagId) {
      throw badRequest(`Entry dag_id '${own}' does not match the URL dag_id '${dagId}'.`);
    }
    const key = { dagId: own ?? dagId, runId };
    keys.set(JSON.stringify([key.dagId, runId]), key);
  }
  return [...keys.values()];
}

const many: Route = route({
  method: "POST",
  path: "/dags/{dag_id}/clearDagRuns",
  subject: "dag",
  body: manyBody,
  handle: async (call) => {
    const keys = keysOf(call);
    const runs: Json[] = [];
    const instances: Json[] = [];
    // All of them are looked for before the first is changed.
    for (const key of keys) await requireRunRow(call.ports.database, key);
    for (const key of keys) {
      instances.push(...(await clearRun(call, key, call.body)));
      if (!call.body.dry_run) runs.push(await runOf(call, key));
    }
    return ok(
      call.body.dry_run
        ? { task_instances: instances, total_entries: instances.length }
        : { dag_runs: runs, total_entries: runs.length },
    );
  },
});

/** Runs that are to run again. */
export const clearRunRoutes: readonly Route[] = [one, many];
