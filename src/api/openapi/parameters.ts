import type { Shape, TypeTable } from "#api/schema/type-table.ts";
import type { Operation } from "./operations.ts";

/** A parameter of the path or of the query. */
export interface Parameter {
  readonly name: string;
  readonly in: "path" | "query";
  readonly type: "string" | "integer" | "boolean";
  readonly description: string;
}

const metaPackage = "io.k8s.apimachinery.pkg.apis.meta.v1";

/** The types whose fields are the query of each action. */
const optionTypes: Readonly<Partial<Record<Operation["action"], readonly string[]>>> = {
  list: [`${metaPackage}.ListOptions`],
  deletecollection: [`${metaPackage}.ListOptions`, `${metaPackage}.DeleteOptions`],
  delete: [`${metaPackage}.DeleteOptions`],
  post: [`${metaPackage}.CreateOptions`],
  put: [`${metaPackage}.UpdateOptions`],
  patch: [`${metaPackage}.PatchOptions`],
};

/** In one line; upstream's explanations are essays. */
const texts: Readonly<Record<string, string>> = {
  name: "name of the object",
  namespace: "namespace of the object",
  path: "the path below the object, passed on",
  pretty: "if 'true', the output is indented",
  dryRun: "'All' runs every check and stores nothing",
  fieldManager: "who makes the change, for the tracking of fields",
  fieldValidation: "what unknown or duplicate fields lead to: Ignore, Warn or Strict",
  force: "apply patches only: take fields over from other managers",
  labelSelector: "only objects whose labels match",
  fieldSelector: "only objects whose fields match",
  limit: "at most so many objects; the rest follow with 'continue'",
  continue: "where a limited list goes on: the token of the last answer",
  watch: "follow the changes of the collection instead of listing it",
  resourceVersion: "the version to read at or to watch from",
  resourceVersionMatch: "how 'resourceVersion' is meant: Exact or NotOlderThan",
  timeoutSeconds: "how long the call may last",
  allowWatchBookmarks: "send events that only carry a version",
  sendInitialEvents: "begin the watch with the present objects",
  gracePeriodSeconds: "how long the object may take to end; 0 ends it at once",
  propagationPolicy: "what becomes of dependents: Orphan, Background or Foreground",
  orphanDependents: "deprecated, use 'propagationPolicy'",
  ignoreStoreReadErrorWithClusterBreakingPotential: "delete what can no longer be read",
};

/** The parameters of an operation's path, which all methods of the path share. */
export function pathParameters(path: string): Parameter[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => ({
    name,
    in: "path",
    type: "string",
    description: texts[name] ?? name,
  }));
}

/** The query of an operation, sorted by name. */
export function queryParameters(operation: Operation, table: TypeTable): Parameter[] {
  const types =
    operation.options !== undefined ? [operation.options] : (optionTypes[operation.action] ?? []);
  const found = new Map<string, Parameter>();
  if (operation.action !== "connect") found.set("pretty", query("pretty", "string"));
  for (const type of types.filter((it) => table.has(it))) {
    for (const field of table.find(type).fields.values()) {
      const isMeta = field.name === "apiVersion" || field.name === "kind";
      const shape = parameterType(field.shape);
      if (!isMeta && shape !== undefined) found.set(field.name, query(field.name, shape));
    }
  }
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function query(name: string, type: Parameter["type"]): Parameter {
  return { name, in: "query", type, description: texts[name] ?? name };
}

/** Undefined for what a query cannot carry (preconditions). Lists repeat the parameter. */
function parameterType(shape: Shape): Parameter["type"] | undefined {
  if (shape.kind === "list") return parameterType(shape.items);
  const isScalar = shape.kind === "boolean" || shape.kind === "integer" || shape.kind === "string";
  return isScalar ? shape.kind : undefined;
}
