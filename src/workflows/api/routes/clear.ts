import type { Json } from "#api/object.ts";
import type { ClearChoice } from "#dag/run/clear.ts";
import { clearInstances } from "#workflows/scheduler/clear-instances.ts";
import { setNotes } from "#workflows/scheduler/set-state.ts";
import type { InstanceRow } from "#workflows/state/instances.ts";
import { findRun, listRuns, type RunRow } from "#workflows/state/runs.ts";
import { ok } from "#workflows/api/exchange.ts";
import {
  boolean,
  date,
  json,
  list,
  nullable,
  text,
  withDefault,
  type Values,
} from "#workflows/api/fields.ts";
import { ApiProblem, conflict, notFound } from "#workflows/api/problem.ts";
import { route, type Call, type Route } from "#workflows/api/routing.ts";
import { instanceShape } from "#workflows/api/shapes/instances.ts";
import { findInstanceRow, requireDag } from "./find.ts";

/** Most runs of which one request clears tasks. */
const runsMax = 1_000;

/** What every request to clear something may say. */
export const clearFields = {
  dry_run: withDefault(boolean(), true),
  // Every run goes on with the version that it has; Airflow's default, too.
  run_on_latest_version: nullable(boolean()),
  note: nullable(text({ max: 1_000 })),
};

const body = {
  ...clearFields,
  start_date: nullable(date()),
  end_date: nullable(date()),
  only_failed: withDefault(boolean(), true),
  only_running: withDefault(boolean(), false),
  reset_dag_runs: withDefault(boolean(), true),
  task_ids: nullable(list(json())),
  dag_run_id: nullable(text()),
  include_upstream: withDefault(boolean(), false),
  include_downstream: withDefault(boolean(), false),
  include_future: withDefault(boolean(), false),
  include_past: withDefault(boolean(), false),
  prevent_running_task: withDefault(boolean(), false),
};
type Given = Values<typeof body>;

/** Tasks by id, each with the map indexes that are named; undefined: all of them. */
function tasksOf(ids: readonly Json[]): ReadonlyMap<string, ReadonlySet<number> | undefined> {
  const tasks = new Map<string, Set<number> | undefined>();
  for (const [at, it] of ids.entries()) {
    const [id, index] = Array.isArray(it) ? it : [it, undefined];
    if (typeof id !== "string" || (index !== undefined && typeof index !== "number")) {
      const msg = "Input should be a task's id, or a list of its id and a map index";
      const loc = ["body", "task_ids", at];
      throw new ApiProblem(422, [{ type: "value_error", loc, msg, input: it }]);
    }
    const known = tasks.get(id);
    if (index === undefined || (tasks.has(id) && known === undefined)) tasks.set(id, undefined);
    else tasks.set(id, new Set([...(known ?? []), index]));
  }
  return tasks;
}

/** A choice for each set of map indexes that is asked for. */
function choicesOf(given: Given): readonly ClearChoice[] {
  const rest = {
    upstream: given.include_upstream,
    downstream: given.include_downstream,
    onlyFailed: given.only_failed,
    onlyRunning: given.only_running,
  };
  if (given.task_ids == null) return [{ ...rest, tasks: undefined }];
  const tasks = [...tasksOf(given.task_ids)];
  const whole = tasks.filter(([, indexes]) => indexes === undefined).map(([id]) => id);
  const parts = tasks.flatMap(([id, mapIndexes]) =>
    mapIndexes === undefined ? [] : [{ ...rest, tasks: new Set([id]), mapIndexes }],
  );
  return whole.length === 0 ? parts : [{ ...rest, tasks: new Set(whole) }, ...parts];
}

/** @throws {ApiProblem} 404 */
async function runsOf(call: Call<unknown, Given>, dagId: string): Promise<readonly RunRow[]> {
  const { database } = call.ports;
  const { body: given } = call;
  const range = { from: given.start_date ?? undefined, to: given.end_date ?? undefined };
  if (given.dag_run_id == null)
    return await listRuns(database, { dagId, ...range, limit: runsMax });
  const run = await findRun(database, { dagId, runId: given.dag_run_id });
  if (run === undefined) throw notFound(`Dag Run id ${given.dag_run_id} not found in dag ${dagId}`);
  if (!given.include_past && !given.include_future) return [run];
  return await listRuns(database, {
    dagId,
    from: given.include_past ? undefined : run.logicalDate,
    to: given.include_future ? undefined : run.logicalDate,
    limit: runsMax,
  });
}

/** Clears tasks of runs. @returns what was cleared, as it was before. */
export async function clear(
  call: Call,
  runs: readonly RunRow[],
  how: { readonly choices: readonly ClearChoice[]; readonly dryRun: boolean },
): Promise<readonly InstanceRow[]> {
  const { database, clock } = call.ports;
  const owner = call.user.name;
  const cleared = new Map<string, InstanceRow>();
  for (const run of runs) {
    for (const choice of how.choices) {
      const request = { run, choice, dryRun: how.dryRun, owner };
      for (const it of await clearInstances(database, request, clock.now())) {
        cleared.set(JSON.stringify([it.runId, it.taskId, it.mapIndex]), it);
      }
    }
  }
  return [...cleared.values()];
}

/** The instances as they are now. */
export async function shapesOf(
  { ports }: Call,
  instances: readonly InstanceRow[],
): Promise<Json[]> {
  const rows = await Promise.all(instances.map((it) => findInstanceRow(ports.database, it)));
  return rows.flatMap((row) => (row === undefined ? [] : [instanceShape(row)]));
}

/** Tasks that are to run again. */
export const clearRoute: Route = route({
  method: "POST",
  path: "/dags/{dag_id}/clearTaskInstances",
  subject: "dag",
  body,
  handle: async (call) => {
    const { database } = call.ports;
    const { dagId } = await requireDag(call);
    const { body: given } = call;
    const runs = await runsOf(call, dagId);
    const choices = choicesOf(given);
    const planned = await clear(call, runs, { choices, dryRun: true });
    const running = planned.find((it) => it.state === "running");
    if (given.prevent_running_task && running !== undefined) {
      throw conflict(`Task ${running.taskId} of run ${running.runId} runs`);
    }
    if (!given.dry_run) {
      await clear(call, runs, { choices, dryRun: false });
      for (const run of given.note === undefined ? [] : runs) {
        const names = new Set(
          planned.filter((it) => it.runId === run.runId).map((it) => it.taskId),
        );
        const chosen = ({ taskId }: InstanceRow): boolean => names.has(taskId);
        await setNotes(database, { run, note: given.note ?? null, chosen });
      }
    }
    const shown = await shapesOf(call, planned);
    return ok({ task_instances: shown, total_entries: shown.length });
  },
});
