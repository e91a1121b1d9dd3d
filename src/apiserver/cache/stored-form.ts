import { Buffer } from "node:buffer";
import { isJsonObject, type Json, type JsonObject } from "#api/object.ts";

/*
 * How an object lies in the store, so that nobody has to parse it again to select, list or watch:
 *
 *   "1", the format, then the length of the header in bytes, seven digits
 *   header, UTF-8: labels as a JSON object, "\n", then a JSON array
 *           [end of the metadata object within the JSON, ...values of the selectable fields]
 *   JSON, UTF-8: {"kind":K,"apiVersion":V,"metadata":{...},...}
 *
 * The store gives a write its revision, so the JSON holds no resourceVersion: it is spliced in
 * right after `"metadata":{` when the object enters the cache.
 */

const format = "1";
const lengthDigits = 7;
const headerAt = format.length + lengthDigits;

export type Labels = Readonly<Record<string, string>>;

/** What the cache needs of a stored value; offsets count from the start of the value. */
export interface StoredHeader {
  /** One shared object for equal label sets. */
  readonly labels: Labels;
  /** In the order of the resource's `selectableFields`. */
  readonly fields: readonly string[];
  /** Where the JSON begins. */
  readonly jsonAt: number;
  /** Just behind the closing brace of the metadata object. */
  readonly metadataEnd: number;
}

/** The bytes before the metadata's first field; the same for all objects of a kind. */
export function jsonPrefix(kind: string, apiVersion: string): string {
  return `{"kind":${JSON.stringify(kind)},"apiVersion":${JSON.stringify(apiVersion)},`;
}

/**
 * The value to store. `kind` and `apiVersion` of the object are those given; its resourceVersion
 * is left out; the object is not changed.
 */
export function encodeStored(
  object: JsonObject,
  type: { readonly kind: string; readonly apiVersion: string },
  fields: readonly string[],
): Buffer {
  const metadata = isJsonObject(object["metadata"]) ? object["metadata"] : {};
  const labels = isJsonObject(metadata["labels"]) ? JSON.stringify(metadata["labels"]) : "{}";
  const kept = fieldsText(metadata, inMetadata);
  const head = `${jsonPrefix(type.kind, type.apiVersion)}"metadata":{${kept}}`;
  const rest = fieldsText(object, inObject);
  const json = rest === "" ? `${head}}` : `${head},${rest}}`;
  const header = `${labels}\n${JSON.stringify([Buffer.byteLength(head), ...fields])}`;
  const length = String(Buffer.byteLength(header)).padStart(lengthDigits, "0");
  // One text, written out at once: half the cost of laying the parts into a buffer.
  return Buffer.from(`${format}${length}${header}${json}`);
}

const inMetadata = new Set(["resourceVersion"]);
const inObject = new Set(["kind", "apiVersion", "metadata"]);

/** The inside of an object's braces, without some keys. */
function fieldsText(object: JsonObject, without: ReadonlySet<string>): string {
  let text = "";
  for (const key in object) {
    const value = object[key];
    if (value === undefined || without.has(key)) continue;
    const field = `${JSON.stringify(key)}:${JSON.stringify(value)}`;
    text = text === "" ? field : `${text},${field}`;
  }
  return text;
}

/** Reads the header of {@link encodeStored}. @throws {Error} when the value is of another form. */
export function decodeHeader(value: Buffer): StoredHeader {
  const jsonAt = jsonStart(value);
  const header = value.toString("utf8", headerAt, jsonAt);
  const line = header.indexOf("\n");
  const [metadataEnd, ...fields] = JSON.parse(header.slice(line + 1)) as [number, ...string[]];
  return {
    labels: internLabels(header.slice(0, line)),
    fields: fields.map(internText),
    jsonAt,
    metadataEnd: jsonAt + metadataEnd,
  };
}

/** Where the JSON of a stored value begins. @throws {Error} when the value is of another form. */
function jsonStart(value: Buffer): number {
  const lead = value.toString("latin1", 0, headerAt);
  const length = Number(lead.slice(format.length));
  if (!lead.startsWith(format) || !Number.isInteger(length)) {
    throw new Error(`stored object of unknown form: it begins with ${JSON.stringify(lead)}`);
  }
  return headerAt + length;
}

/** Puts the revision first in the metadata, where the cache splices it too. */
export function setRevision(object: JsonObject, revision: number): void {
  const metadata: Json | undefined = object["metadata"];
  const kept = isJsonObject(metadata) ? metadata : {};
  object["metadata"] = { ...kept, resourceVersion: String(revision) };
}

/** The same memory as a Buffer. */
export function asBuffer(bytes: Uint8Array): Buffer {
  if (Buffer.isBuffer(bytes)) return bytes;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Distinct texts remembered before the tables start over. Only sharing is lost then. */
const internedMax = 16_384;
const labelSets = new Map<string, Labels>();
const texts = new Map<string, string>();

/** Pods of one ReplicaSet carry one label set: share it. A pure cache, so a module may own it. */
function internLabels(json: string): Labels {
  let labels = labelSets.get(json);
  if (labels === undefined) {
    labels = Object.freeze(JSON.parse(json) as Record<string, string>);
    if (labelSets.size >= internedMax) labelSets.clear();
    labelSets.set(json, labels);
  }
  return labels;
}

function internText(text: string): string {
  const known = texts.get(text);
  if (known !== undefined) return known;
  if (texts.size >= internedMax) texts.clear();
  texts.set(text, text);
  return text;
}
