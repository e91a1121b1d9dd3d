import { assert } from "#base/assert.ts";
import { childString, isJsonObject, type Json, type JsonObject } from "#api/object.ts";
import { parseTime } from "#api/schema/time.ts";
import type { Shape, StringFormat, TypeTable } from "#api/schema/type-table.ts";
import { layoutOf, type Layout } from "./layout.ts";
import { unionLayout, unionMessage } from "./schema-union.ts";
import { magic } from "./wire.ts";
import { Writer } from "./writer.ts";

/**
 * An object in the form of `application/vnd.kubernetes.protobuf`: the magic number and a
 * `runtime.Unknown` with the object's apiVersion and kind. The object's shape must have been
 * checked; fields that are absent are not written.
 * @throws {AssertionError} for a value that is not of its type.
 */
export function encodeObject(object: JsonObject, type: string, table: TypeTable): Uint8Array {
  return wrapMessage(
    {
      apiVersion: childString(object, "apiVersion") ?? "",
      kind: childString(object, "kind") ?? "",
    },
    encodeMessage(object, type, table),
  );
}

/** The bare message of an object: what an item of a list is. */
export function encodeMessage(object: JsonObject, type: string, table: TypeTable): Uint8Array {
  const encoder: Encoder = { writer: new Writer(), table };
  writeStruct(encoder, layoutOf(table, type), object);
  return encoder.writer.finish();
}

/** Puts a bare message into the envelope in which it travels alone. */
export function wrapMessage(
  it: { readonly apiVersion: string; readonly kind: string },
  message: Uint8Array,
): Uint8Array {
  const writer = new Writer();
  // Go writes contentEncoding and contentType even when they are empty.
  writer.text(4, "");
  writer.text(3, "");
  writer.data(2, message);
  const since = writer.length;
  writer.text(2, it.kind);
  writer.text(1, it.apiVersion);
  writer.header(1, since);
  return prefixed(magic, writer.finish());
}

/**
 * A list of bare messages, in its envelope. Every list kind has its metadata in field 1 and its
 * items in field 2.
 */
export function encodeList(
  list: {
    readonly apiVersion: string;
    readonly kind: string;
    readonly metadata: JsonObject;
    readonly items: readonly Uint8Array[];
  },
  table: TypeTable,
): Uint8Array {
  const writer = new Writer();
  for (const item of list.items.toReversed()) writer.data(2, item);
  const since = writer.length;
  const layout = layoutOf(table, "io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta");
  writeStruct({ writer, table }, layout, list.metadata);
  writer.header(1, since);
  return wrapMessage(list, writer.finish());
}

/** One event of a watch: four bytes of length, then a `WatchEvent` around an enveloped object. */
export function encodeWatchFrame(type: string, enveloped: Uint8Array): Uint8Array {
  const writer = new Writer();
  const since = writer.length;
  writer.data(1, enveloped);
  writer.header(2, since);
  writer.text(1, type);
  const event = writer.finish();
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, event.length);
  return prefixed(length, event);
}

function prefixed(prefix: Uint8Array, rest: Uint8Array): Uint8Array {
  const joined = new Uint8Array(prefix.length + rest.length);
  joined.set(prefix);
  joined.set(rest, prefix.length);
  return joined;
}

interface Encoder {
  readonly writer: Writer;
  readonly table: TypeTable;
}

function writeStruct(encoder: Encoder, layout: Layout, object: JsonObject): void {
  for (const entry of layout.entries) {
    if (entry.kind === "embedded") {
      const since = encoder.writer.length;
      writeStruct(encoder, entry.layout, object);
      if (encoder.writer.length > since) encoder.writer.header(entry.number, since);
      continue;
    }
    const value = object[entry.field.name];
    if (value !== undefined && value !== null) {
      writeField(encoder, entry.number, entry.field.shape, value);
    }
  }
}

function writeField(encoder: Encoder, number: number, shape: Shape, value: Json): void {
  const { writer } = encoder;
  switch (shape.kind) {
    case "string":
      writeText(writer, number, shape.format, value);
      return;
    case "boolean":
      assert(typeof value === "boolean", `field ${number} is a boolean`);
      writer.boolean(number, value);
      return;
    case "integer":
      writer.integer(number, numberOf(value));
      return;
    case "number":
      writer.double(number, numberOf(value));
      return;
    case "int-or-string":
      writeIntOrString(writer, number, value);
      return;
    case "object": {
      const since = writer.length;
      writeStruct(encoder, layoutOf(encoder.table, shape.type), objectOf(value));
      writer.header(number, since);
      return;
    }
    case "map":
      writeMap(encoder, number, shape.values, objectOf(value));
      return;
    case "list": {
      assert(Array.isArray(value), `field ${number} is a list`);
      const since = writer.length;
      const itemNumber = shape.wrapped === true ? 1 : number;
      for (let at = value.length - 1; at >= 0; at--) {
        writeField(encoder, itemNumber, shape.items, value[at] ?? "");
      }
      if (shape.wrapped === true) writer.header(number, since);
      return;
    }
    case "any": {
      const since = writer.length;
      if (shape.union === undefined) writer.text(1, JSON.stringify(value));
      else writeStruct(encoder, unionLayout(shape.union), unionMessage(value));
      writer.header(number, since);
    }
  }
}

function numberOf(value: Json): number {
  assert(typeof value === "number", "the value is a number");
  return value;
}

function objectOf(value: Json): JsonObject {
  assert(isJsonObject(value), "the value is an object");
  return value;
}

function writeMap(encoder: Encoder, number: number, values: Shape, map: JsonObject): void {
  // Go writes maps sorted, which makes the bytes of equal objects equal.
  for (const key of Object.keys(map).sort().reverse()) {
    const since = encoder.writer.length;
    const value = map[key];
    if (value !== undefined && value !== null) writeField(encoder, 2, values, value);
    encoder.writer.text(1, key);
    encoder.writer.header(number, since);
  }
}

function writeIntOrString(writer: Writer, number: number, value: Json): void {
  const since = writer.length;
  writer.text(3, typeof value === "string" ? value : "");
  writer.integer(2, typeof value === "number" ? value : 0);
  writer.integer(1, typeof value === "string" ? 1 : 0);
  writer.header(number, since);
}

function writeText(
  writer: Writer,
  number: number,
  format: StringFormat | undefined,
  value: Json,
): void {
  assert(typeof value === "string", `field ${number} is a string`);
  switch (format) {
    case undefined:
      writer.text(number, value);
      return;
    case "byte":
      writer.data(
        number,
        Uint8Array.from(atob(value), (it) => it.charCodeAt(0)),
      );
      return;
    case "quantity": {
      const since = writer.length;
      writer.text(1, value);
      writer.header(number, since);
      return;
    }
    case "date-time":
    case "micro-time": {
      const since = writer.length;
      const at = parseTime(value);
      assert(at !== undefined, `field ${number} is a time`);
      writer.integer(2, format === "date-time" ? 0 : at.nanos - (at.nanos % 1000));
      writer.integer(1, at.seconds);
      writer.header(number, since);
      return;
    }
    case "duration":
      assert(false, "no built-in type has a duration");
  }
}
