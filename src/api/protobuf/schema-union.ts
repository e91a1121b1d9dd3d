import { isJsonObject, type Json, type JsonObject } from "#api/object.ts";
import type { Field, SchemaUnion, Shape } from "#api/schema/type-table.ts";
import { layoutOfFields, type Layout } from "./layout.ts";

/*
 * JSONSchemaPropsOrBool, …OrArray and …OrStringArray of apiextensions: in JSON one value or the
 * other, in protobuf a message with a field for each.
 */

const schema: Shape = {
  kind: "object",
  type: "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps",
};

function list(items: Shape): Shape {
  return { kind: "list", items, listType: "atomic", mapKeys: [] };
}

function field(name: string, protobuf: number, shape: Shape): Field {
  return {
    name,
    shape,
    protobuf,
    required: false,
    fallback: undefined,
    protobufPath: [],
    // Both alternatives tell by their presence which one it is.
    pointer: true,
    omitEmpty: true,
    goType: "",
    granular: false,
    patchStrategy: [],
    patchMergeKey: undefined,
  };
}

const layouts: Readonly<Record<SchemaUnion, Layout>> = {
  "schema-or-boolean": layoutOfFields("JSONSchemaPropsOrBool", [
    field("allows", 1, { kind: "boolean" }),
    field("schema", 2, schema),
  ]),
  "schema-or-list": layoutOfFields("JSONSchemaPropsOrArray", [
    field("schema", 1, schema),
    field("others", 2, list(schema)),
  ]),
  "schema-or-strings": layoutOfFields("JSONSchemaPropsOrStringArray", [
    field("schema", 1, schema),
    field("others", 2, list({ kind: "string" })),
  ]),
};

export function unionLayout(union: SchemaUnion): Layout {
  return layouts[union];
}

/** The message's fields for a value of JSON. */
export function unionMessage(value: Json): JsonObject {
  if (Array.isArray(value)) return { others: value };
  if (isJsonObject(value)) return { allows: true, schema: value };
  return { allows: value };
}

/** The value of JSON for the message's fields. */
export function unionValue(union: SchemaUnion, message: JsonObject): Json {
  if (message["schema"] !== undefined) return message["schema"];
  return union === "schema-or-boolean" ? (message["allows"] ?? false) : (message["others"] ?? []);
}
