import type { Json, JsonObject } from "#api/object.ts";
import { decodeJson } from "#api/schema/decode.ts";
import { formatMicroTime, formatTime } from "#api/schema/time.ts";
import type { Field, Shape, StringFormat, TypeTable } from "#api/schema/type-table.ts";
import { badRequest } from "#api/status.ts";
import { layoutOf, type Layout } from "./layout.ts";
import { Reader } from "./reader.ts";
import { unionLayout, unionValue } from "./schema-union.ts";
import { bytes, hasMagic, magic } from "./wire.ts";

/** Names the type of a kind; undefined when it is not known or has no protobuf form. */
export type TypeLookup = (apiVersion: string, kind: string) => string | undefined;

/** Deepest nesting of messages: only the schemas of custom resources nest in themselves. */
export const messageNestingMax = 1000;

/**
 * Reads an object of `application/vnd.kubernetes.protobuf`. Zero values that Go's JSON would not
 * show, and empty structs that are not pointers, are left out: protobuf has them always.
 * @throws {StatusError} 400 when the bytes are no such object or of an unknown kind.
 */
export function decodeObject(data: Uint8Array, lookup: TypeLookup, table: TypeTable): JsonObject {
  return readEnvelope({ lookup, table, depth: 0 }, data);
}

interface Decoder {
  readonly lookup: TypeLookup;
  readonly table: TypeTable;
  depth: number;
}

function readEnvelope(decoder: Decoder, data: Uint8Array): JsonObject {
  if (!hasMagic(data)) throw badRequest("the body is not protobuf: it does not begin with 'k8s'");
  const unknown = new Reader(data, magic.length);
  let apiVersion = "";
  let kind = "";
  let raw: Uint8Array = new Uint8Array();
  while (unknown.next()) {
    if (unknown.number === 1) {
      const meta = unknown.message();
      while (meta.next()) {
        if (meta.number === 1) apiVersion = meta.text();
        else if (meta.number === 2) kind = meta.text();
        else meta.skip();
      }
    } else if (unknown.number === 2) raw = unknown.bytes();
    else unknown.skip();
  }
  const type = decoder.lookup(apiVersion, kind);
  if (type === undefined) {
    throw badRequest(`no kind "${kind}" is registered for version "${apiVersion}" in protobuf`);
  }
  const object: JsonObject = { apiVersion, kind };
  readStruct(decoder, layoutOf(decoder.table, type), new Reader(raw), object);
  return object;
}

function readStruct(decoder: Decoder, layout: Layout, reader: Reader, into: JsonObject): void {
  if (++decoder.depth > messageNestingMax) {
    throw badRequest(`the body is nested deeper than ${messageNestingMax} levels`);
  }
  while (reader.next()) {
    const entry = layout.byNumber.get(reader.number);
    if (entry === undefined) reader.skip();
    else if (entry.kind === "embedded") readStruct(decoder, entry.layout, reader.message(), into);
    else readField(decoder, entry.field, reader, into);
  }
  decoder.depth--;
}

function readField(decoder: Decoder, field: Field, reader: Reader, into: JsonObject): void {
  const { shape, name } = field;
  if (shape.kind === "list") {
    const list = existingList(into, name);
    if (shape.wrapped === true) list.push(...readWrapped(decoder, shape.items, reader));
    else readItem(decoder, shape.items, reader, list);
    return;
  }
  if (shape.kind === "map") {
    const existing = into[name];
    const map = typeof existing === "object" ? (existing as JsonObject) : {};
    into[name] = map;
    readEntry(decoder, shape.values, reader, map);
    return;
  }
  const value = readValue(decoder, shape, reader);
  if (value === undefined || (isEmpty(value) && !field.pointer && field.omitEmpty)) return;
  into[name] = value;
}

function existingList(into: JsonObject, name: string): Json[] {
  const existing = into[name];
  if (Array.isArray(existing)) return existing;
  const list: Json[] = [];
  into[name] = list;
  return list;
}

/** Go's zero value of a type that is not a pointer. */
function isEmpty(value: Json): boolean {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return Object.keys(value).length === 0;
  }
  return value === 0 || value === "" || value === false;
}

function readItem(decoder: Decoder, items: Shape, reader: Reader, list: Json[]): void {
  const isNumber = items.kind === "integer" || items.kind === "number" || items.kind === "boolean";
  if (isNumber && reader.wireType === bytes) {
    throw badRequest("the body is not protobuf as Kubernetes writes it: it has packed numbers");
  }
  list.push(readValue(decoder, items, reader) ?? null);
}

function readWrapped(decoder: Decoder, items: Shape, reader: Reader): Json[] {
  const list: Json[] = [];
  const message = reader.message();
  while (message.next()) {
    if (message.number === 1) readItem(decoder, items, message, list);
    else message.skip();
  }
  return list;
}

function readEntry(decoder: Decoder, values: Shape, reader: Reader, map: JsonObject): void {
  const entry = reader.message();
  let key = "";
  let value: Json | undefined;
  while (entry.next()) {
    if (entry.number === 1) key = entry.text();
    else if (entry.number === 2) value = readMapValue(decoder, values, entry);
    else entry.skip();
  }
  if (key === "__proto__") throw badRequest('the key "__proto__" is not supported');
  map[key] = value ?? absent(values);
}

/** What an entry without a value means; a time that is zero is null, as in Go's JSON. */
function absent(values: Shape): Json {
  if (values.kind === "object") return {};
  return values.kind === "string" && values.format === undefined ? "" : null;
}

function readMapValue(decoder: Decoder, values: Shape, reader: Reader): Json | undefined {
  return values.kind === "list"
    ? readWrapped(decoder, values.items, reader)
    : readValue(decoder, values, reader);
}

/** Undefined for a zero time, which JSON writes as null. */
function readValue(decoder: Decoder, shape: Shape, reader: Reader): Json | undefined {
  switch (shape.kind) {
    case "string":
      return readText(shape.format, reader);
    case "boolean":
      return reader.boolean();
    case "integer":
      return reader.integer();
    case "number":
      return reader.double();
    case "int-or-string":
      return readIntOrString(reader.message());
    case "object": {
      const object: JsonObject = {};
      readStruct(decoder, layoutOf(decoder.table, shape.type), reader.message(), object);
      return object;
    }
    case "any": {
      if (shape.union === undefined) return readRaw(decoder, reader.message());
      const message: JsonObject = {};
      readStruct(decoder, unionLayout(shape.union), reader.message(), message);
      return unionValue(shape.union, message);
    }
    case "map":
    case "list":
      throw badRequest("the body is not protobuf as Kubernetes writes it: a list inside a list");
  }
}

function readText(format: StringFormat | undefined, reader: Reader): string | undefined {
  switch (format) {
    case undefined:
    case "duration":
      return reader.text();
    case "byte":
      return base64(reader.bytes());
    case "quantity": {
      const message = reader.message();
      let text = "0";
      while (message.next()) {
        if (message.number === 1) text = message.text();
        else message.skip();
      }
      return text;
    }
    case "date-time":
    case "micro-time":
      return readTime(format, reader.message());
  }
}

function readTime(format: "date-time" | "micro-time", message: Reader): string | undefined {
  let seconds: number | undefined;
  let nanos = 0;
  while (message.next()) {
    if (message.number === 1) seconds = message.integer();
    else if (message.number === 2) nanos = message.integer();
    else message.skip();
  }
  if (seconds === undefined) return undefined;
  if (seconds < secondsMin || seconds > secondsMax)
    throw badRequest(`the time ${seconds} is out of range`);
  return format === "date-time"
    ? formatTime({ seconds, nanos })
    : formatMicroTime({ seconds, nanos });
}

/** The years 1 to 9999, which RFC 3339 can write. */
const secondsMin = -62_135_596_800;
const secondsMax = 253_402_300_799;

function readIntOrString(message: Reader): number | string {
  let isText = false;
  let number = 0;
  let text = "";
  while (message.next()) {
    if (message.number === 1) isText = message.integer() === 1;
    else if (message.number === 2) number = message.integer();
    else if (message.number === 3) text = message.text();
    else message.skip();
  }
  return isText ? text : number;
}

/** `RawExtension`, `FieldsV1` and `JSON` hold bytes: JSON, or an object in its own envelope. */
function readRaw(decoder: Decoder, message: Reader): Json | undefined {
  let raw: Uint8Array | undefined;
  while (message.next()) {
    if (message.number === 1) raw = message.bytes();
    else message.skip();
  }
  if (raw === undefined || raw.length === 0) return undefined;
  if (hasMagic(raw)) return readEnvelope(decoder, raw);
  return decodeJson(new TextDecoder().decode(raw));
}

function base64(data: Uint8Array): string {
  let text = "";
  for (const byte of data) text += String.fromCharCode(byte);
  return btoa(text);
}
