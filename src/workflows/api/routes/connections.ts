import type { JsonObject } from "#api/object.ts";
import type { Connection } from "#dag/connection/connection.ts";
import { textOf } from "#sql/columns.ts";
import { deleteConnection, findConnection, saveConnection } from "#workflows/state/connections.ts";
import { selectPage } from "#workflows/state/page.ts";
import { created, noContent, ok } from "#workflows/api/exchange.ts";
import {
  integer,
  list,
  nullable,
  required,
  text,
  type Field,
  type Values,
} from "#workflows/api/fields.ts";
import { listFields, selectionOf, type ListSpec } from "#workflows/api/list.ts";
import type { ApiPorts } from "#workflows/api/ports.ts";
import { ApiProblem, badRequest, conflict, notFound } from "#workflows/api/problem.ts";
import { route, type Route } from "#workflows/api/routing.ts";
import { maskSecrets } from "#workflows/api/shapes/secrets.ts";
import { bulkRoute } from "./bulk.ts";
import { inPath } from "./find.ts";

const spec: ListSpec = {
  filters: [{ kind: "pattern", name: "connection_id", column: "conn_id" }],
  order: {
    id: "conn_id",
    conn_id: "conn_id",
    connection_id: "conn_id",
    conn_type: "type",
    description: "description",
  },
  defaultOrder: ["id"],
  key: ["conn_id"],
};

/** JSON of an object, or nothing. */
function extraField(): Field<string | null | undefined> {
  const field = nullable(text());
  return {
    ...field,
    read: (value, isText) => {
      if (typeof value !== "string" || value === "" || isObject(value))
        return field.read(value, isText);
      const msg =
        "Value error, The `extra` field must be a valid JSON object (e.g., {'key': 'value'})";
      return { fault: { type: "value_error", msg } };
    },
  };
}

function isObject(value: string): boolean {
  try {
    const parsed: unknown = JSON.parse(value);
    return typeof parsed === "object" && parsed !== null && !Array.isArray(parsed);
  } catch {
    return false;
  }
}

const body = {
  connection_id: required(text({ max: 200, pattern: /^[\w.-]+$/ })),
  conn_type: required(text()),
  description: nullable(text()),
  host: nullable(text()),
  login: nullable(text()),
  schema: nullable(text()),
  port: nullable(integer({ min: 0 })),
  password: nullable(text()),
  extra: extraField(),
  team_name: nullable(text()),
};
type Given = Values<typeof body>;

/** A connection as `ConnectionResponse`; secrets are masked. */
function shape(it: Connection): JsonObject {
  return {
    connection_id: it.id,
    conn_type: it.type,
    description: it.description ?? null,
    host: it.host ?? null,
    login: it.login ?? null,
    schema: it.schema ?? null,
    port: it.port ?? null,
    password: it.password === undefined ? null : "***",
    extra: it.extra === undefined ? null : maskSecrets("extra", it.extra),
    team_name: null,
  };
}

/** The fields of a patch that are given and asked for, over what is known. */
function changed(
  known: Connection,
  given: Partial<Given>,
  mask: readonly string[] | undefined,
): Connection {
  function take<T>(
    name: keyof Given,
    value: T | null | undefined,
    before: T | undefined,
  ): T | undefined {
    if (value === undefined || (mask !== undefined && !mask.includes(name))) return before;
    return value ?? undefined;
  }
  return {
    id: known.id,
    type: take("conn_type", given.conn_type, known.type) ?? known.type,
    host: take("host", given.host, known.host),
    login: take("login", given.login, known.login),
    // What was shown masked comes back masked: it is not meant to be the password.
    password: take(
      "password",
      given.password === "***" ? undefined : given.password,
      known.password,
    ),
    schema: take("schema", given.schema, known.schema),
    port: take("port", given.port, known.port),
    extra: take("extra", given.extra, known.extra),
    description: take("description", given.description, known.description),
  };
}

async function find({ database, vault }: ApiPorts, id: string): Promise<Connection> {
  const found = await findConnection(database, vault, id);
  if (found === undefined)
    throw notFound(`The Connection with connection_id: \`${id}\` was not found`);
  return found;
}

const collection: readonly Route[] = [
  route({
    method: "GET",
    path: "/connections",
    subject: "connection",
    query: listFields(spec),
    handle: async ({ ports, query }) => {
      const selection = { columns: "value", from: "connection", ...selectionOf(spec, query) };
      const { rows, total } = await selectPage(ports.database, selection);
      const connections = rows.map((row) =>
        shape(JSON.parse(ports.vault.open(textOf(row, "value"))) as Connection),
      );
      return ok({ connections, total_entries: total });
    },
  }),
  route({
    method: "POST",
    path: "/connections",
    subject: "connection",
    body,
    handle: async ({ ports, body: given }) => {
      const { database, vault } = ports;
      const id = given.connection_id;
      if ((await findConnection(database, vault, id)) !== undefined) {
        throw conflict(`The Connection with connection_id: \`${id}\` already exists`);
      }
      await saveConnection(
        database,
        vault,
        changed({ id, type: given.conn_type }, given, undefined),
      );
      return created(shape(await find(ports, id)));
    },
  }),
  bulkRoute({
    path: "/connections",
    subject: "connection",
    entity: body,
    id: "connection_id",
    plural: "connections with these connection_ids",
    exists: async ({ database, vault }, id) =>
      (await findConnection(database, vault, id)) !== undefined,
    save: async ({ database, vault }, given, mask) => {
      const id = given.connection_id;
      const known = mask === undefined ? undefined : await findConnection(database, vault, id);
      await saveConnection(
        database,
        vault,
        changed(known ?? { id, type: given.conn_type }, given, mask),
      );
    },
    remove: async ({ database }, id) => {
      await deleteConnection(database, id);
    },
  }),
  route({
    method: "POST",
    path: "/connections/test",
    subject: "connection",
    body,
    // As Airflow's default: testing reaches out to any host that the caller names.
    handle: async () => {
      throw new ApiProblem(
        403,
        "Testing connections is disabled in Airflow configuration. Contact your deployment admin to enable it.",
      );
    },
  }),
];

const single: readonly Route[] = [
  route({
    method: "GET",
    path: "/connections/{connection_id}",
    subject: "connection",
    handle: async (call) => ok(shape(await find(call.ports, inPath(call, "connection_id")))),
  }),
  route({
    method: "PATCH",
    path: "/connections/{connection_id}",
    subject: "connection",
    query: { update_mask: list(text()) },
    body,
    handle: async (call) => {
      const { database, vault } = call.ports;
      const id = inPath(call, "connection_id");
      if (call.body.connection_id !== id) {
        throw badRequest("The connection_id in the request body does not match the URL parameter");
      }
      const known = await find(call.ports, id);
      const next = changed(known, call.body, call.query.update_mask);
      await saveConnection(database, vault, next);
      return ok(shape(next));
    },
  }),
  route({
    method: "DELETE",
    path: "/connections/{connection_id}",
    subject: "connection",
    handle: async (call) => {
      const id = inPath(call, "connection_id");
      if (await deleteConnection(call.ports.database, id)) return noContent;
      throw notFound(`The Connection with connection_id: \`${id}\` was not found`);
    },
  }),
];

/** Connections of the database; those of the environment are not shown. */
export const connectionRoutes: readonly Route[] = [...collection, ...single];
