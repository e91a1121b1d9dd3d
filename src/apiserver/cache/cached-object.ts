import type { Buffer } from "node:buffer";
import type { JsonObject } from "#api/object.ts";
import type { Labels } from "./stored-form.ts";

/** `"metadata":{"resourceVersion":"`, then the revision and `",`. */
const beforeRevision = '"metadata":{"resourceVersion":"'.length;

/**
 * One object as the cache holds it: what selectors ask for, and its bytes. The bytes are the
 * *tail* of its JSON, from `"metadata":{` to the last brace, so that lists prepend `{` and
 * everything else the kind and apiVersion. Immutable, except that its bytes may move.
 */
export class CachedObject {
  /** `namespace/name`, or `name`. */
  readonly key: string;
  /** Empty for cluster-scoped kinds. */
  readonly namespace: string;
  readonly name: string;
  readonly revision: number;
  readonly labels: Labels;
  readonly fields: readonly string[];
  /** Length of `"metadata":{...}`. */
  readonly metadataLength: number;
  buffer: Buffer;
  start: number;
  readonly length: number;

  constructor(it: {
    readonly key: string;
    readonly revision: number;
    readonly labels: Labels;
    readonly fields: readonly string[];
    readonly metadataLength: number;
    readonly buffer: Buffer;
    readonly start: number;
    readonly length: number;
  }) {
    const slash = it.key.indexOf("/");
    this.key = it.key;
    this.namespace = slash < 0 ? "" : it.key.slice(0, slash);
    this.name = slash < 0 ? it.key : it.key.slice(slash + 1);
    this.revision = it.revision;
    this.labels = it.labels;
    this.fields = it.fields;
    this.metadataLength = it.metadataLength;
    this.buffer = it.buffer;
    this.start = it.start;
    this.length = it.length;
  }

  /** The tail; a view, valid until the next turn of the event loop. */
  tail(): Buffer {
    return this.buffer.subarray(this.start, this.start + this.length);
  }

  /** `"metadata":{...}`; a view as {@link tail}. */
  metadataBytes(): Buffer {
    return this.buffer.subarray(this.start, this.start + this.metadataLength);
  }

  /** Bytes of the tail before the metadata's first field behind the revision. */
  get revisionEnd(): number {
    return beforeRevision + String(this.revision).length + 2;
  }

  /** Parses the object; kind and apiVersion are missing. The caller owns the result. */
  parseTail(): JsonObject {
    const text = this.buffer.toString("utf8", this.start, this.start + this.length);
    return JSON.parse(`{${text}`) as JsonObject;
  }
}

/** Parses the object with the type it is stored as. The caller owns the result. */
export function parseObject(
  object: CachedObject,
  type: { readonly kind: string; readonly apiVersion: string },
): JsonObject {
  return { kind: type.kind, apiVersion: type.apiVersion, ...object.parseTail() };
}
