import type { Json, JsonObject } from "#api/object.ts";
import { ParamError } from "#dag/params/check.ts";
import {
  cancelBackfill,
  createBackfill,
  pauseBackfill,
  type BackfillRequest,
} from "#workflows/scheduler/backfill.ts";
import { listBackfills, type BackfillProgress } from "#workflows/state/backfills.ts";
import { findDag } from "#workflows/state/dags.ts";
import { ok } from "#workflows/api/exchange.ts";
import {
  boolean,
  date,
  integer,
  nullable,
  object,
  oneOf,
  required,
  text,
  withDefault,
  type Values,
} from "#workflows/api/fields.ts";
import { listFields } from "#workflows/api/list.ts";
import { shortPage, type ShortListSpec } from "#workflows/api/short-list.ts";
import type { ApiPorts } from "#workflows/api/ports.ts";
import { ApiProblem, conflict, notFound } from "#workflows/api/problem.ts";
import { route, type Call, type Route } from "#workflows/api/routing.ts";
import { moment } from "#workflows/api/shapes/values.ts";
import { integerInPath } from "./find.ts";

/** Most backfills that are looked through. */
const backfillsMax = 10_000;

const body = {
  dag_id: required(text()),
  from_date: required(date()),
  to_date: required(date()),
  run_backwards: withDefault(boolean(), false),
  dag_run_conf: nullable(object()),
  reprocess_behavior: withDefault(oneOf(["failed", "completed", "none"]), "none"),
  max_active_runs: withDefault(integer({ min: 1 }), 10),
  run_on_latest_version: nullable(boolean()),
};

/** A backfill as `BackfillResponse`. */
function shape(it: BackfillProgress): JsonObject {
  return {
    id: it.id,
    dag_id: it.dagId,
    from_date: moment(it.from),
    to_date: moment(it.to),
    dag_run_conf: it.conf,
    is_paused: it.paused,
    reprocess_behavior: it.reprocess,
    max_active_runs: it.maxActiveRuns,
    created_at: moment(it.createdAt),
    completed_at: moment(it.completedAt),
    updated_at: moment(it.completedAt ?? it.createdAt),
    dag_display_name: it.dagId,
  };
}

async function find({ database }: ApiPorts, id: number): Promise<BackfillProgress> {
  const all = await listBackfills(database, undefined, backfillsMax);
  const found = all.find((it) => it.id === id);
  if (found === undefined) throw notFound("Backfill not found");
  return found;
}

/** Orders a backfill, or asks what it would do. @throws {ApiProblem} */
async function order(
  { ports, body: given }: Call<unknown, Values<typeof body>>,
  dryRun: boolean,
): Promise<Awaited<ReturnType<typeof createBackfill>>> {
  const { database, clock } = ports;
  if ((await findDag(database, given.dag_id))?.active !== true) {
    throw notFound(`Could not find dag ${given.dag_id}`);
  }
  const request: BackfillRequest = {
    dagId: given.dag_id,
    from: given.from_date,
    to: given.to_date,
    backwards: given.run_backwards,
    reprocess: given.reprocess_behavior,
    conf: (given.dag_run_conf ?? {}) as Readonly<Record<string, Json>>,
    maxActiveRuns: given.max_active_runs,
    dryRun,
  };
  try {
    return await createBackfill(database, request, clock.now());
  } catch (error) {
    if (!isRefusal(error)) throw error;
    // One that goes on stands in the way; anything else is wrong with the request.
    if (/ goes on:/.test(error.message)) {
      throw conflict(`There is already a running backfill for dag ${given.dag_id}`);
    }
    throw new ApiProblem(422, error.message);
  }
}

/** Whether the request was refused for what it says: a plain error, not one of the database. */
function isRefusal(error: unknown): error is Error {
  return error instanceof ParamError || (error instanceof Error && error.name === "Error");
}

function change(name: string, act: (ports: ApiPorts, id: number) => Promise<void>): Route {
  return route({
    method: "PUT",
    path: `/backfills/{backfill_id}/${name}`,
    subject: "backfill",
    handle: async (call) => {
      const id = integerInPath(call, "backfill_id");
      const known = await find(call.ports, id);
      if (known.completedAt !== undefined) throw conflict("Backfill is already completed.");
      await act(call.ports, id);
      return ok(shape(await find(call.ports, id)));
    },
  });
}

const spec: ShortListSpec = { filters: [], order: { id: "id" }, defaultOrder: ["id"] };

/** Backfills. */
export const backfillRoutes: readonly Route[] = [
  route({
    method: "GET",
    path: "/backfills",
    subject: "backfill",
    query: { ...listFields(spec), dag_id: required(text()) },
    handle: async ({ ports, query }) => {
      const all = await listBackfills(ports.database, query.dag_id, backfillsMax);
      const { shown, total } = shortPage(all.map(shape), spec, query);
      return ok({ backfills: shown, total_entries: total });
    },
  }),
  route({
    method: "POST",
    path: "/backfills",
    subject: "backfill",
    body,
    handle: async (call) => {
      const { id } = await order(call, false);
      return ok(shape(await find(call.ports, id ?? 0)));
    },
  }),
  route({
    method: "POST",
    path: "/backfills/dry_run",
    subject: "backfill",
    body,
    handle: async (call) => {
      const { dates } = await order(call, true);
      const made = dates.filter((it) => it.action !== "skip");
      const backfills = made.map((it) => ({
        logical_date: moment(it.time.interval.start),
        partition_key: null,
        partition_date: null,
      }));
      return ok({ backfills, total_entries: backfills.length });
    },
  }),
  route({
    method: "GET",
    path: "/backfills/{backfill_id}",
    subject: "backfill",
    handle: async (call) => ok(shape(await find(call.ports, integerInPath(call, "backfill_id")))),
  }),
  change("pause", ({ database }, id) => pauseBackfill(database, id, true)),
  change("unpause", ({ database }, id) => pauseBackfill(database, id, false)),
  change("cancel", ({ database, clock }, id) => cancelBackfill(database, id, clock.now())),
];
