import type { JsonObject } from "#api/object.ts";
import { maybeText, numberOf, textOf } from "#sql/columns.ts";
import type { Row } from "#sql/database.ts";
import { defaultPool, deletePool, savePool, slotsByState } from "#workflows/state/pools.ts";
import { selectPage } from "#workflows/state/page.ts";
import { created, noContent, ok } from "#workflows/api/exchange.ts";
import {
  boolean,
  integer,
  list,
  nullable,
  required,
  text,
  withDefault,
} from "#workflows/api/fields.ts";
import { listFields, selectionOf, type ListSpec } from "#workflows/api/list.ts";
import type { ApiPorts } from "#workflows/api/ports.ts";
import { badRequest, conflict, notFound } from "#workflows/api/problem.ts";
import { route, type Route } from "#workflows/api/routing.ts";
import { bulkRoute } from "./bulk.ts";
import { inPath } from "./find.ts";

const spec: ListSpec = {
  filters: [{ kind: "pattern", name: "pool_name", column: "name" }],
  order: { id: "name", name: "name", pool: "name", slots: "slots", description: "description" },
  defaultOrder: ["id"],
  key: ["name"],
};

const settings = {
  description: nullable(text()),
  include_deferred: withDefault(boolean(), false),
  team_name: nullable(text()),
};
const body = {
  name: required(text({ max: 256 })),
  slots: required(integer({ min: -1 })),
  ...settings,
};

type Used = Awaited<ReturnType<typeof slotsByState>>;

/** A pool as `PoolResponse`. */
function shape(row: Row, used: Used): JsonObject {
  const name = textOf(row, "name");
  const slots = numberOf(row, "slots");
  const of = (state: string): number => used.get(name)?.get(state) ?? 0;
  const occupied = of("running") + of("queued");
  return {
    name,
    slots,
    description: maybeText(row, "description") ?? null,
    include_deferred: false,
    occupied_slots: occupied,
    running_slots: of("running"),
    queued_slots: of("queued"),
    scheduled_slots: of("scheduled"),
    // Any number of them is -1, as of the slots.
    open_slots: slots < 0 ? -1 : slots - occupied,
    deferred_slots: of("up_for_reschedule"),
    team_name: null,
  };
}

async function rowOf({ database }: ApiPorts, name: string): Promise<Row | undefined> {
  return (await database.rows("select * from pool where name = ?", name))[0];
}

async function shapeOf(ports: ApiPorts, name: string): Promise<JsonObject> {
  const row = await rowOf(ports, name);
  if (row === undefined) throw notFound(`The Pool with name: \`${name}\` was not found`);
  return shape(row, await slotsByState(ports.database));
}

async function save(
  { database }: ApiPorts,
  pool: { readonly name: string; readonly slots: number; readonly description: string | undefined },
): Promise<void> {
  await savePool(database, pool);
  await database.notify();
}

/** Pools. */
export const poolRoutes: readonly Route[] = [
  route({
    method: "GET",
    path: "/pools",
    subject: "pool",
    query: listFields(spec),
    handle: async ({ ports, query }) => {
      const selection = { columns: "*", from: "pool", ...selectionOf(spec, query) };
      const { rows, total } = await selectPage(ports.database, selection);
      const used = await slotsByState(ports.database);
      return ok({ pools: rows.map((row) => shape(row, used)), total_entries: total });
    },
  }),
  route({
    method: "POST",
    path: "/pools",
    subject: "pool",
    body,
    handle: async ({ ports, body: { name, slots, description } }) => {
      if ((await rowOf(ports, name)) !== undefined) {
        throw conflict(`The Pool with name: \`${name}\` already exists`);
      }
      await save(ports, { name, slots, description: description ?? undefined });
      return created(await shapeOf(ports, name));
    },
  }),
  bulkRoute({
    path: "/pools",
    subject: "pool",
    entity: body,
    id: "name",
    plural: "pools with these pool names",
    exists: async (ports, name) => (await rowOf(ports, name)) !== undefined,
    save: async (ports, { name, slots, description }) => {
      await save(ports, { name, slots, description: description ?? undefined });
    },
    remove: async ({ database }, name) => {
      if (name === defaultPool) throw badRequest("Default Pool can't be deleted");
      await deletePool(database, name);
    },
  }),
  route({
    method: "GET",
    path: "/pools/{pool_name}",
    subject: "pool",
    handle: async (call) => ok(await shapeOf(call.ports, inPath(call, "pool_name"))),
  }),
  route({
    method: "PATCH",
    path: "/pools/{pool_name}",
    subject: "pool",
    query: { update_mask: list(text()) },
    body: {
      pool: nullable(text()),
      name: nullable(text()),
      slots: nullable(integer({ min: -1 })),
      ...settings,
    },
    handle: async (call) => {
      const name = inPath(call, "pool_name");
      const known = await rowOf(call.ports, name);
      if (known === undefined) throw notFound(`The Pool with name: \`${name}\` was not found`);
      const { body: given, query } = call;
      const renamed = given.pool ?? given.name ?? name;
      if (renamed !== name)
        throw badRequest("Invalid body, pool name from request body doesn't match uri parameter");
      const mask = query.update_mask ?? ["slots", "description"];
      const slots = mask.includes("slots") ? given.slots : undefined;
      const description = mask.includes("description") ? given.description : undefined;
      await save(call.ports, {
        name,
        slots: slots ?? numberOf(known, "slots"),
        description: description ?? maybeText(known, "description"),
      });
      return ok(await shapeOf(call.ports, name));
    },
  }),
  route({
    method: "DELETE",
    path: "/pools/{pool_name}",
    subject: "pool",
    handle: async (call) => {
      const name = inPath(call, "pool_name");
      if (name === defaultPool) throw badRequest("Default Pool can't be deleted");
      if (await deletePool(call.ports.database, name)) return noContent;
      throw notFound(`The Pool with name: \`${name}\` was not found`);
    },
  }),
];
