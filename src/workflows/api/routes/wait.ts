import type { Json, JsonObject } from "#api/object.ts";
import { outputsOf } from "#workflows/state/outputs.ts";
import { list, number, required, text } from "#workflows/api/fields.ts";
import { route, type Call, type Route } from "#workflows/api/routing.ts";
import { requireRunRow, runKey } from "./find.ts";

/** Shortest time between two looks. */
const intervalMinMs = 100;

type Wait = Call<{ readonly interval: number; readonly result: readonly string[] | undefined }>;

/** Waits for a run's end: a line of JSON for each look, the last with the results that are wanted. */
export const waitRoute: Route = route({
  method: "GET",
  path: "/dags/{dag_id}/dagRuns/{dag_run_id}/wait",
  subject: "dag",
  query: { interval: required(number()), result: list(text()) },
  handle: async (call) => {
    await requireRunRow(call.ports.database, runKey(call));
    // Airflow names no type either, and its client library takes none that it does not know.
    return { status: 200, body: { kind: "stream", type: undefined, chunks: looks(call) } };
  },
});

async function* looks(call: Wait): AsyncGenerator<string> {
  const { database, clock } = call.ports;
  const pauseMs = Math.max(intervalMinMs, call.query.interval * 1_000);
  for (;;) {
    const state = (await requireRunRow(database, runKey(call)))["state"] ?? null;
    const isOver = state === "success" || state === "failed";
    const results = isOver ? await resultsOf(call) : {};
    const some = Object.keys(results).length > 0;
    yield `${JSON.stringify(some ? { state, results } : { state })}\n`;
    if (isOver) return;
    await clock.sleep(pauseMs, call.request.signal);
  }
}

/** What the named tasks gave back; of a mapped one, all of it in a list. */
async function resultsOf(call: Wait): Promise<JsonObject> {
  const results: JsonObject = {};
  for (const taskId of call.query.result ?? []) {
    const { database } = call.ports;
    const outputs = await outputsOf(database, runKey(call), taskId, "return_value");
    const [first] = outputs;
    if (first === undefined) continue;
    const all: Json[] = outputs.map((it) => it.value);
    results[taskId] = outputs.length === 1 && first.mapIndex < 0 ? first.value : all;
  }
  return results;
}
