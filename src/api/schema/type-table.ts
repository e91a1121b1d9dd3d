import type { Json } from "#api/object.ts";

/**
 * What the API knows about its types, as data: enough to check a body for unknown fields and wrong
 * types, to merge patches, to track field ownership, to speak protobuf and to print OpenAPI.
 * Built-in types come from `gen/`; the types of custom resources are built from their schemas.
 */

/** How one value looks on the wire. */
export type Shape =
  | { readonly kind: "string"; readonly format?: StringFormat | undefined }
  | { readonly kind: "boolean" }
  | { readonly kind: "integer"; readonly bits: 32 | 64 }
  | { readonly kind: "number" }
  | { readonly kind: "int-or-string" }
  /** A named type; look it up with {@link TypeTable.find}. */
  | { readonly kind: "object"; readonly type: string }
  | { readonly kind: "map"; readonly values: Shape; readonly atomic: boolean }
  | ListShape
  /** Free-form JSON (`RawExtension`, `fieldsV1`): kept as it is. */
  | { readonly kind: "any"; readonly union?: SchemaUnion | undefined };

/**
 * A JSON schema or something simpler, in the schemas of custom resources: any JSON to everyone
 * but protobuf, which has a message for each.
 */
export type SchemaUnion = "schema-or-boolean" | "schema-or-list" | "schema-or-strings";

export type StringFormat = "date-time" | "micro-time" | "byte" | "quantity" | "duration";

export interface ListShape {
  readonly kind: "list";
  readonly items: Shape;
  /** Server-side apply: who owns what inside the list (`x-kubernetes-list-type`). */
  readonly listType: "atomic" | "set" | "map";
  /** For `map`: the fields that identify an item (`x-kubernetes-list-map-keys`). */
  readonly mapKeys: readonly string[];
  /** True where protobuf wraps the list in a message of its own (`ExtraValue`, `Verbs`). */
  readonly wrapped?: boolean | undefined;
}

export interface Field {
  readonly name: string;
  readonly shape: Shape;
  /** The OpenAPI `required`: absent is an error to `kubectl --validate`, not to the server. */
  readonly required: boolean;
  /** What the API server fills in, where OpenAPI says so; map keys of lists rely on it. */
  readonly fallback: Json | undefined;
  /** Number in upstream's generated.proto; 0 where the field has none. */
  readonly protobuf: number;
  /**
   * Numbers of the messages around the field in protobuf, outermost first: a struct that is
   * embedded in Go is flat in JSON and a message of its own in protobuf. Mostly empty.
   */
  readonly protobufPath: readonly number[];
  /** A pointer in Go: zero differs from absent. Protobuf writes the zero of all others. */
  readonly pointer: boolean;
  /** Go's JSON leaves out the zero value (`omitempty`). */
  readonly omitEmpty: boolean;
  /** The Go type in errors about wrong JSON types: `int32`, `[]v1.Container`. */
  readonly goType: string;
  /** Server-side apply looks into the struct here, although its type is atomic. */
  readonly granular: boolean;
  /** Strategic merge patch (`x-kubernetes-patch-strategy`): any of `merge`, `replace`, `retainKeys`. */
  readonly patchStrategy: readonly string[];
  /** Strategic merge patch: the field that identifies an item of this list. */
  readonly patchMergeKey: string | undefined;
}

export interface TypeInfo {
  /** OpenAPI definition name, e.g. `io.k8s.api.core.v1.PodSpec`. */
  readonly name: string;
  readonly fields: ReadonlyMap<string, Field>;
  /** Server-side apply treats the whole struct as one value. */
  readonly atomic: boolean;
}

export interface TypeTable {
  /** @throws {AssertionError} when the type is unknown: a bug, since names come from the table. */
  find(name: string): TypeInfo;
  has(name: string): boolean;
  names(): Iterable<string>;
}
