import type { JsonObject } from "#api/object.ts";
import type { Resource } from "#api/resource.ts";
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
import { sorted } from "./v2.ts";

/** `api/v1` or `apis/<group>/<version>`: the key of the index, and the path below `/openapi/v3/`. */
export function openApiV3Path(it: { readonly group: string; readonly version: string }): string {
  return it.group === "" ? `api/${it.version}` : `apis/${it.group}/${it.version}`;
}

/** The keys of the index for these resources, in their order. */
export function openApiV3Paths(resources: readonly Resource[]): string[] {
  return [...new Set(resources.map(openApiV3Path))];
}

/**
 * `/openapi/v3`. The hash of each document, upper-case hexadecimal, makes its URL one that clients
 * may cache for ever.
 */
export function openApiV3Index(hashes: ReadonlyMap<string, string>): JsonObject {
  const paths: JsonObject = {};
  for (const [path, hash] of hashes) {
    paths[path] = { serverRelativeURL: `/openapi/v3/${path}?hash=${hash}` };
  }
  return { paths };
}

/** `/openapi/v3/<path>`: the OpenAPI 3.0 document of one group and version. */
export function openApiV3(source: OpenApiSource, path: string): JsonObject {
  const resources = source.resources.filter((it) => openApiV3Path(it) === path);
  const own: OpenApiSource = { ...source, resources };
  const definitions = definitionsOf(own, "v3");
  const paths = new Map<string, JsonObject>();
  for (const operation of resources.flatMap(operationsOf)) {
    const item = paths.get(operation.path) ?? {
      parameters: pathParameters(operation.path).map(rendered),
    };
    paths.set(operation.path, item);
    item[operation.method] = operationV3(operation, own, definitions);
  }
  return {
    openapi: "3.0.0",
    info: { title: "Kubernetes", version: source.serverVersion },
    paths: sorted(paths),
    components: {
      schemas: sorted(definitions.found),
      securitySchemes: {
        BearerToken: {
          description: "Bearer Token authentication",
          type: "apiKey",
          name: "authorization",
          in: "header",
        },
      },
    },
  };
}

function rendered(it: Parameter): JsonObject {
  return {
    name: it.name,
    in: it.in,
    description: it.description,
    schema: { type: it.type, uniqueItems: true },
    ...(it.in === "path" ? { required: true } : {}),
  };
}

function operationV3(
  operation: Operation,
  source: OpenApiSource,
  definitions: Definitions,
): JsonObject {
  const { body, result } = operation;
  const isCustom = result !== undefined && source.custom.has(result);
  const consumed = operation.method === "patch" ? patchTypes : ["*/*"];
  const schema = result === undefined ? { type: "string" } : definitions.refer(result);
  const content: JsonObject = {};
  for (const type of producedTypes(operation, isCustom)) content[type] = { schema };
  const ok = { description: "OK", content };
  return {
    ...commonFields(operation),
    parameters: queryParameters(operation, source.table).map(rendered),
    ...(body === undefined
      ? {}
      : {
          requestBody: {
            content: Object.fromEntries(
              consumed.map((it) => [it, { schema: definitions.refer(body) }]),
            ),
            ...(operation.method === "delete" ? {} : { required: true }),
          },
        }),
    responses: {
      "200": ok,
      ...(operation.action === "post" ? { "201": { ...ok, description: "Created" } } : {}),
      "401": { description: "Unauthorized" },
    },
  };
}
