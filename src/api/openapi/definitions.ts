import { kindOf } from "#api/discovery/groups.ts";
import type { JsonObject } from "#api/object.ts";
import type { Resource } from "#api/resource.ts";
import { subresourceType, type Operation } from "./operations.ts";
import { Definitions, type Dialect, type SchemaSource } from "./schemas.ts";

const metaPackage = "io.k8s.apimachinery.pkg.apis.meta.v1";

/** What a document is about. */
export interface OpenApiSource extends SchemaSource {
  readonly resources: readonly Resource[];
  /** `v1.36.0`: what `info.version` says. */
  readonly serverVersion: string;
}

/**
 * The definitions of the resources and of all they refer to, each kind marked. References that
 * operations make later add to them.
 */
export function definitionsOf(source: OpenApiSource, dialect: Dialect): Definitions {
  const definitions = new Definitions(withLists(source), dialect);
  const marked = new Set<string>();
  const mark = (type: string, kind: { group: string; version: string; kind: string }): void => {
    const key = `${type} ${kind.group}/${kind.version}/${kind.kind}`;
    if (marked.has(key)) return;
    marked.add(key);
    definitions.addKind(type, kind);
  };
  for (const resource of source.resources) {
    const { group, version, kind } = resource;
    mark(resource.type, { group, version, kind });
    if (resource.verbs.includes("list")) {
      mark(`${resource.type}List`, { group, version, kind: `${kind}List` });
    }
    mark(`${metaPackage}.DeleteOptions`, { group, version, kind: "DeleteOptions" });
    for (const it of resource.subresources) {
      const type = subresourceType(resource, it);
      if (type !== resource.type && !type.endsWith("Options")) mark(type, kindOf(resource, it));
    }
  }
  mark(`${metaPackage}.Status`, { group: "", version: "v1", kind: "Status" });
  return definitions;
}

/** The source with a list definition for each custom type that has none. */
function withLists(source: OpenApiSource): SchemaSource {
  const custom = new Map(source.custom);
  for (const { type } of source.resources) {
    const list = `${type}List`;
    if (source.table.has(list) || custom.has(list)) continue;
    custom.set(list, {
      type: "object",
      required: ["items"],
      properties: {
        apiVersion: { type: "string" },
        kind: { type: "string" },
        metadata: { $ref: `${metaPackage}.ListMeta` },
        items: { type: "array", items: { $ref: type } },
      },
    });
  }
  return { table: source.table, descriptions: source.descriptions, custom };
}

export const patchTypes: readonly string[] = [
  "application/json-patch+json",
  "application/merge-patch+json",
  "application/strategic-merge-patch+json",
  "application/apply-patch+yaml",
];

/** What an operation answers in; protobuf only for kinds that have it. */
export function producedTypes(operation: Operation, isCustom: boolean): readonly string[] {
  if (operation.result === undefined)
    return operation.action === "connect" ? ["*/*"] : ["text/plain"];
  const plain = ["application/json", "application/yaml"];
  return isCustom ? plain : [...plain, "application/vnd.kubernetes.protobuf"];
}

/** Fields that every operation has in both dialects. */
export function commonFields(operation: Operation): JsonObject {
  const { group, version, kind } = operation.kind;
  return {
    description: operation.description,
    operationId: operation.id,
    tags: [operation.tag],
    "x-kubernetes-action": operation.action,
    "x-kubernetes-group-version-kind": { group, kind, version },
  };
}
