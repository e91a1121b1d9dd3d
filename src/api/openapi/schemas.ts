import type { JsonObject } from "#api/object.ts";
import type { Field, Shape, StringFormat, TypeTable } from "#api/schema/type-table.ts";
import type { Descriptions } from "./descriptions.ts";

/** Swagger 2.0 and OpenAPI 3.0 differ in how they refer and in what a choice looks like. */
export type Dialect = "v2" | "v3";

/** A kind that a definition stands for (`x-kubernetes-group-version-kind`). */
export interface GroupVersionKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

export interface SchemaSource {
  readonly table: TypeTable;
  readonly descriptions: Descriptions;
  /**
   * Definitions of types that the table lacks, such as those of custom resources: their schemas as
   * published, with references between them in no dialect (plain names in `$ref`).
   */
  readonly custom: ReadonlyMap<string, JsonObject>;
}

const resourcePackage = "io.k8s.apimachinery.pkg.api.resource";
const metaPackage = "io.k8s.apimachinery.pkg.apis.meta.v1";

/** Definitions with a form of their own; the table knows their shapes only. */
const scalars: Readonly<Record<string, Readonly<Record<Dialect, JsonObject>>>> = {
  [`${resourcePackage}.Quantity`]: {
    v2: { type: "string" },
    v3: { oneOf: [{ type: "string" }, { type: "number" }] },
  },
  "io.k8s.apimachinery.pkg.util.intstr.IntOrString": {
    v2: { type: "string", format: "int-or-string" },
    v3: { format: "int-or-string", oneOf: [{ type: "integer" }, { type: "string" }] },
  },
  [`${metaPackage}.Time`]: same({ type: "string", format: "date-time" }),
  [`${metaPackage}.MicroTime`]: same({ type: "string", format: "date-time" }),
  [`${metaPackage}.FieldsV1`]: same({ type: "object" }),
  "io.k8s.apimachinery.pkg.runtime.RawExtension": same({ type: "object" }),
};

function same(schema: JsonObject): Readonly<Record<Dialect, JsonObject>> {
  return { v2: schema, v3: schema };
}

const formatTypes: Readonly<Record<StringFormat, string | undefined>> = {
  "date-time": `${metaPackage}.Time`,
  "micro-time": `${metaPackage}.MicroTime`,
  quantity: `${resourcePackage}.Quantity`,
  byte: undefined,
  duration: undefined,
};

const extensions = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1";
const anyTypes: Readonly<Record<string, string>> = {
  "runtime.RawExtension": "io.k8s.apimachinery.pkg.runtime.RawExtension",
  "v1.FieldsV1": `${metaPackage}.FieldsV1`,
  "v1.JSON": `${extensions}.JSON`,
  "v1.JSONSchemaPropsOrBool": `${extensions}.JSONSchemaPropsOrBool`,
  "v1.JSONSchemaPropsOrArray": `${extensions}.JSONSchemaPropsOrArray`,
  "v1.JSONSchemaPropsOrStringArray": `${extensions}.JSONSchemaPropsOrStringArray`,
};

/** Where a definition is, in a dialect. */
export function referenceTo(type: string, dialect: Dialect): string {
  return (dialect === "v2" ? "#/definitions/" : "#/components/schemas/") + type;
}

/** Collects definitions, with all that they refer to. */
export class Definitions {
  readonly found = new Map<string, JsonObject>();
  private readonly source: SchemaSource;
  private readonly dialect: Dialect;

  constructor(source: SchemaSource, dialect: Dialect) {
    this.source = source;
    this.dialect = dialect;
  }

  /** A reference to a type; its definition and those below it are added. */
  refer(type: string): JsonObject {
    this.add(type);
    return { $ref: referenceTo(type, this.dialect) };
  }

  /** Marks a type as that of a kind, and adds it. */
  addKind(type: string, kind: GroupVersionKind): void {
    this.add(type);
    const definition = this.found.get(type);
    if (definition === undefined) return;
    const existing = definition["x-kubernetes-group-version-kind"];
    const kinds = Array.isArray(existing) ? existing : [];
    const { group, version } = kind;
    definition["x-kubernetes-group-version-kind"] = [...kinds, { group, kind: kind.kind, version }];
  }

  private add(type: string): void {
    if (this.found.has(type)) return;
    // Set before the fields are visited: types refer to themselves.
    const definition: JsonObject = {};
    this.found.set(type, definition);
    const description = this.source.descriptions.ofType(type);
    if (description !== undefined) definition["description"] = description;
    const custom = this.source.custom.get(type);
    if (custom !== undefined) Object.assign(definition, this.translated(custom));
    else if (scalars[type] !== undefined) Object.assign(definition, scalars[type][this.dialect]);
    else if (this.source.table.has(type)) Object.assign(definition, this.struct(type));
  }

  /** A published schema with its references in this dialect. */
  private translated(schema: JsonObject): JsonObject {
    const translated: JsonObject = {};
    for (const [key, value] of Object.entries(schema)) {
      if (key === "$ref" && typeof value === "string") Object.assign(translated, this.refer(value));
      else if (Array.isArray(value)) {
        translated[key] = value.map((it) => (isSchema(it) ? this.translated(it) : it));
      } else translated[key] = isSchema(value) ? this.translated(value) : value;
    }
    return translated;
  }

  private struct(type: string): JsonObject {
    const { fields, atomic } = this.source.table.find(type);
    const properties: JsonObject = {};
    for (const field of [...fields.values()].sort((a, b) => (a.name < b.name ? -1 : 1))) {
      properties[field.name] = this.property(type, field);
    }
    const required = [...fields.values()].filter((it) => it.required).map((it) => it.name);
    return {
      type: "object",
      ...(fields.size === 0 ? {} : { properties }),
      ...(required.length === 0 ? {} : { required: required.sort() }),
      ...(atomic ? { "x-kubernetes-map-type": "atomic" } : {}),
    };
  }

  private property(type: string, field: Field): JsonObject {
    const own = this.schemaOf(field.shape, field.goType);
    const description = this.description(type, field);
    const property: JsonObject = {
      ...(description === undefined ? {} : { description }),
      ...(field.fallback === undefined ? {} : { default: field.fallback }),
      ...mergeRules(field),
    };
    if (own["$ref"] === undefined || this.dialect === "v2") return { ...property, ...own };
    // In version 3.0 whatever stands beside `$ref` is ignored.
    return Object.keys(property).length === 0 ? own : { ...property, allOf: [own] };
  }

  /** The field's own words, or those of its type. */
  private description(type: string, field: Field): string | undefined {
    const { descriptions } = this.source;
    const own = descriptions.ofField(type, field.name);
    if (own !== undefined || field.shape.kind !== "object") return own;
    return descriptions.ofType(field.shape.type);
  }

  private schemaOf(shape: Shape, goType: string): JsonObject {
    switch (shape.kind) {
      case "string": {
        const type = shape.format === undefined ? undefined : formatTypes[shape.format];
        if (type !== undefined) return this.refer(type);
        return shape.format === "byte" ? { type: "string", format: "byte" } : { type: "string" };
      }
      case "boolean":
        return { type: "boolean" };
      case "integer":
        return { type: "integer", format: `int${shape.bits}` };
      case "number":
        return { type: "number", format: "double" };
      case "int-or-string":
        return this.refer("io.k8s.apimachinery.pkg.util.intstr.IntOrString");
      case "object":
        return this.refer(shape.type);
      case "map":
        return {
          type: "object",
          additionalProperties: this.schemaOf(shape.values, goType.slice("map[string]".length)),
        };
      case "list":
        return { type: "array", items: this.schemaOf(shape.items, goType.slice("[]".length)) };
      case "any": {
        const type = anyTypes[goType];
        return type === undefined ? {} : this.refer(type);
      }
    }
  }
}

function isSchema(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function mergeRules(field: Field): JsonObject {
  const { shape } = field;
  return {
    ...(shape.kind === "list" ? { "x-kubernetes-list-type": shape.listType } : {}),
    ...(shape.kind === "list" && shape.listType === "map"
      ? { "x-kubernetes-list-map-keys": [...shape.mapKeys] }
      : {}),
    ...(shape.kind === "map" && shape.atomic ? { "x-kubernetes-map-type": "atomic" } : {}),
    ...(field.granular ? { "x-kubernetes-map-type": "granular" } : {}),
    ...(field.patchStrategy.length === 0
      ? {}
      : { "x-kubernetes-patch-strategy": field.patchStrategy.join(",") }),
    ...(field.patchMergeKey === undefined
      ? {}
      : { "x-kubernetes-patch-merge-key": field.patchMergeKey }),
  };
}
