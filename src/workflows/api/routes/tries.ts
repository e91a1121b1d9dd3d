import type { Json, JsonObject } from "#api/object.ts";
import { explainInstance } from "#workflows/scheduler/explain.ts";
import { instanceRow, type InstanceKey } from "#workflows/state/instances.ts";
import { formerTries } from "#workflows/state/tries.ts";
import { ok } from "#workflows/api/exchange.ts";
import { integer } from "#workflows/api/fields.ts";
import type { ApiPorts } from "#workflows/api/ports.ts";
import { notFound } from "#workflows/api/problem.ts";
import { route, type Route } from "#workflows/api/routing.ts";
import { trialShape } from "#workflows/api/shapes/instances.ts";
import { duration, moment } from "#workflows/api/shapes/values.ts";
import { instanceNotFound, integerInPath, requireInstanceRow } from "./find.ts";
import { instanceKey, instancePath, instanceReads, mapIndexQuery } from "./task-instances.ts";

/** All tries of an instance, the newest last. @throws {ApiProblem} 404 */
async function triesOf({ database }: ApiPorts, key: InstanceKey): Promise<JsonObject[]> {
  const row = await requireInstanceRow(database, key);
  const newest = trialShape(row);
  const former = await formerTries(database, key, instanceRow(row).tryNumber);
  const older = former.map((it) => ({
    ...newest,
    try_number: it.tryNumber,
    state: it.state,
    start_date: moment(it.startedAt),
    end_date: moment(it.endedAt),
    duration: duration(it.startedAt, it.endedAt),
    queued_when: moment(it.startedAt),
    scheduled_when: null,
    pid: null,
  }));
  return [...older, newest];
}

const tries: readonly Route[] = [
  ...instanceReads("/tries", async (key, { ports }) => {
    const all = await triesOf(ports, key);
    return { task_instances: all, total_entries: all.length };
  }),
  ...instanceReads("/tries/{task_try_number}", async (key, call) => {
    const number = integerInPath(call, "task_try_number");
    const found = (await triesOf(call.ports, key)).find((it) => it["try_number"] === number);
    if (found !== undefined) return found;
    throw notFound(
      `The Task Instance with dag_id: \`${key.dagId}\`, run_id: \`${key.runId}\`, task_id: \`${key.taskId}\`, try_number: \`${number}\` and map_index: \`${key.mapIndex}\` was not found`,
    );
  }),
];

const dependencies = instanceReads("/dependencies", async (key, { ports }) => {
  const found = await explainInstance(ports.database, key, ports.clock.now());
  if (found === undefined) throw instanceNotFound(key);
  return { dependencies: found.map((it): Json => ({ ...it })) };
});

const links: Route = route({
  method: "GET",
  path: `${instancePath}/links`,
  subject: "dag",
  query: { ...mapIndexQuery, try_number: integer() },
  handle: async (call) => {
    await requireInstanceRow(call.ports.database, instanceKey(call, call.query.map_index));
    return ok({ extra_links: {}, total_entries: 0 });
  },
});

/** What else is known of a task instance: its tries, why it does not run, its links. */
export const triesRoutes: readonly Route[] = [...tries, ...dependencies, links];
