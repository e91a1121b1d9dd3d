import type { Json, JsonObject } from "#api/object.ts";
import {
  commonFields,
  definitionsOf,
  patchTypes,
  producedTypes,
  type OpenApiSource,
} from "./definitions.ts";
import { operationsOf, type Operation } from "./operations.ts";
import { pathParameters, queryParameters, type Parameter } from "./parameters.ts";
import type { Definitions } from "./schemas.ts";

/** `/openapi/v2`: one Swagger 2.0 document of everything the server serves. */
export function openApiV2(source: OpenApiSource): JsonObject {
  const definitions = definitionsOf(source, "v2");
  const paths = new Map<string, JsonObject>();
  for (const operation of source.resources.flatMap(operationsOf)) {
    const path = paths.get(operation.path) ?? {
      parameters: pathParameters(operation.path).map(rendered),
    };
    paths.set(operation.path, path);
    path[operation.method] = operationV2(operation, source, definitions);
  }
  return {
    swagger: "2.0",
    info: { title: "Kubernetes", version: source.serverVersion },
    paths: sorted(paths),
    definitions: sorted(definitions.found),
    securityDefinitions: {
      BearerToken: {
        description: "Bearer Token authentication",
        type: "apiKey",
        name: "authorization",
        in: "header",
      },
    },
    security: [{ BearerToken: [] }],
  };
}

/** An object with the entries in the order of their keys. */
export function sorted(entries: ReadonlyMap<string, Json>): JsonObject {
  return Object.fromEntries([...entries].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function rendered(it: Parameter): JsonObject {
  return {
    name: it.name,
    in: it.in,
    type: it.type,
    description: it.description,
    uniqueItems: true,
    ...(it.in === "path" ? { required: true } : {}),
  };
}

function operationV2(
  operation: Operation,
  source: OpenApiSource,
  definitions: Definitions,
): JsonObject {
  const { body, result } = operation;
  const isCustom = result !== undefined && source.custom.has(result);
  const parameters = queryParameters(operation, source.table).map(rendered);
  if (body !== undefined) {
    const required = operation.method !== "delete";
    parameters.unshift({
      name: "body",
      in: "body",
      ...(required ? { required } : {}),
      schema: definitions.refer(body),
    });
  }
  const ok: JsonObject = {
    description: "OK",
    schema: result === undefined ? { type: "string" } : definitions.refer(result),
  };
  return {
    ...commonFields(operation),
    consumes: operation.method === "patch" ? [...patchTypes] : ["*/*"],
    produces: [...producedTypes(operation, isCustom)],
    schemes: ["https"],
    parameters,
    responses: {
      "200": ok,
      ...(operation.action === "post" ? { "201": { ...ok, description: "Created" } } : {}),
      "401": { description: "Unauthorized" },
    },
  };
}
