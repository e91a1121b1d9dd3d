import type { Json, JsonObject } from "#api/object.ts";
import { maskSecrets } from "#workflows/api/shapes/secrets.ts";
import {
  deleteVariable,
  findVariableRow,
  saveVariable,
  variableRow,
} from "#workflows/state/variables.ts";
import { selectPage } from "#workflows/state/page.ts";
import { created, noContent, ok } from "#workflows/api/exchange.ts";
import { json, list, nullable, required, text } from "#workflows/api/fields.ts";
import { listFields, selectionOf, type ListSpec } from "#workflows/api/list.ts";
import type { ApiPorts } from "#workflows/api/ports.ts";
import { badRequest, conflict, notFound } from "#workflows/api/problem.ts";
import { route, type Route } from "#workflows/api/routing.ts";
import type { Variable } from "#workflows/state/variables.ts";
import { bulkRoute } from "./bulk.ts";
import { inPath } from "./find.ts";

const spec: ListSpec = {
  filters: [{ kind: "pattern", name: "variable_key", column: "name" }],
  order: {
    id: "name",
    key: "name",
    _val: "name",
    description: "description",
    is_encrypted: "name",
  },
  defaultOrder: ["id"],
  key: ["name"],
};

const keyField = required(text({ max: 250 }));
const body = {
  key: keyField,
  value: required(json()),
  description: nullable(text()),
  team_name: nullable(text()),
};

/** A variable as `VariableResponse`; one that is a secret by its name is masked. */
function shape({ name, value, description }: Variable): JsonObject {
  return {
    key: name,
    value: maskSecrets(name, value),
    description: description ?? null,
    is_encrypted: true,
    team_name: null,
  };
}

/** Variables are texts: anything else is stored as JSON. */
function textOf(value: Json): string {
  return typeof value === "string" ? value : JSON.stringify(value, null, 2);
}

function variableOf(given: {
  readonly key: string;
  readonly value: Json;
  readonly description: string | null | undefined;
}): Variable {
  const { key: name, value, description } = given;
  return { name, value: textOf(value), description: description ?? undefined };
}

async function find({ database, vault }: ApiPorts, name: string): Promise<Variable> {
  const found = await findVariableRow(database, vault, name);
  if (found === undefined) throw notFound(`The Variable with key: \`${name}\` was not found`);
  return found;
}

/** Variables. */
export const variableRoutes: readonly Route[] = [
  route({
    method: "GET",
    path: "/variables",
    subject: "variable",
    query: listFields(spec),
    handle: async ({ ports, query }) => {
      const selection = { columns: "*", from: "variable", ...selectionOf(spec, query) };
      const { rows, total } = await selectPage(ports.database, selection);
      const variables = rows.map((row) => shape(variableRow(ports.vault, row)));
      return ok({ variables, total_entries: total });
    },
  }),
  route({
    method: "POST",
    path: "/variables",
    subject: "variable",
    body,
    handle: async ({ ports, body: given }) => {
      const { database, vault } = ports;
      if ((await findVariableRow(database, vault, given.key)) !== undefined) {
        throw conflict(`The Variable with key: \`${given.key}\` already exists`);
      }
      await saveVariable(database, vault, variableOf(given));
      return created(shape(await find(ports, given.key)));
    },
  }),
  bulkRoute({
    path: "/variables",
    subject: "variable",
    entity: body,
    id: "key",
    plural: "variables with these keys",
    exists: async ({ database, vault }, key) =>
      (await findVariableRow(database, vault, key)) !== undefined,
    save: async ({ database, vault }, given) => {
      await saveVariable(database, vault, variableOf(given));
    },
    remove: async ({ database }, key) => {
      await deleteVariable(database, key);
    },
  }),
  route({
    method: "GET",
    path: "/variables/{variable_key}",
    subject: "variable",
    handle: async (call) => ok(shape(await find(call.ports, inPath(call, "variable_key")))),
  }),
  route({
    method: "PATCH",
    path: "/variables/{variable_key}",
    subject: "variable",
    query: { update_mask: list(text()) },
    body: { ...body, value: json() },
    handle: async (call) => {
      const { database, vault } = call.ports;
      const name = inPath(call, "variable_key");
      if (call.body.key !== name) {
        throw badRequest("Invalid body, key from request body doesn't match uri parameter");
      }
      const known = await find(call.ports, name);
      const mask = call.query.update_mask ?? ["value", "description"];
      const { value, description } = call.body;
      await saveVariable(database, vault, {
        name,
        value: mask.includes("value") && value !== undefined ? textOf(value) : known.value,
        description: mask.includes("description")
          ? (description ?? known.description)
          : known.description,
      });
      return ok(shape(await find(call.ports, name)));
    },
  }),
  route({
    method: "DELETE",
    path: "/variables/{variable_key}",
    subject: "variable",
    handle: async (call) => {
      const name = inPath(call, "variable_key");
      if (await deleteVariable(call.ports.database, name)) return noContent;
      throw notFound(`The Variable with key: \`${name}\` was not found`);
    },
  }),
];
