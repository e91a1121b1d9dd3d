import { copyJson, depthOf, equalJson, ownValue, removeOwn, setOwn } from "#api/json-value.ts";
import { isJsonObject, type Json, type JsonObject } from "#api/object.ts";
import { badRequest, StatusError } from "#api/status.ts";
import { rejectedPatch } from "./rejected.ts";

/** Upstream: apiserver `pkg/endpoints/handlers/patch.go`, `maxJSONPatchOperations`. */
export const jsonPatchOperationsMax = 10_000;
/** Bytes that all `copy` operations of a patch may add: a few of them could double without end. */
export const jsonPatchCopyBytesMax = 3 * 1024 * 1024;
/** Containers inside each other in the result, which recursive code must survive. */
const depthMax = 1000;

/**
 * Applies a JSON patch (RFC 6902) to a copy of `object`, which is left as it is. Where the RFC and
 * upstream differ, upstream wins: negative indices count from the end, and `replace` of a missing
 * key of an object sets it. Upstream: evanphx/json-patch v4.
 *
 * @throws {StatusError} 400 when `patch` is no list of operations, 413 when it has too many,
 * 422 when an operation cannot be applied or a `test` fails.
 */
export function applyJsonPatch(object: JsonObject, patch: Json): JsonObject {
  const operations = operationsOf(patch);
  const document: Document = { root: copyJson(object), copiedBytes: 0 };
  for (const operation of operations) applyOperation(document, operation);
  if (!isJsonObject(document.root)) throw rejectedPatch("the patched document is not an object");
  return document.root;
}

interface Document {
  root: Json;
  copiedBytes: number;
}

function operationsOf(patch: Json): JsonObject[] {
  if (!Array.isArray(patch)) throw badRequest("error decoding patch: a JSON patch is a list");
  if (patch.length > jsonPatchOperationsMax) {
    throw new StatusError(
      413,
      "RequestEntityTooLarge",
      `Request entity too large: The allowed maximum operations in a JSON patch is ${jsonPatchOperationsMax}, got ${patch.length}`,
    );
  }
  return patch.map((it, i) => {
    if (!isJsonObject(it)) throw badRequest(`error decoding patch: item ${i} is not an object`);
    return it;
  });
}

function applyOperation(document: Document, operation: JsonObject): void {
  const given = ownValue(operation, "op");
  const kind = typeof given === "string" ? given : "unknown";
  switch (kind) {
    case "add":
      add(document, pointerOf(operation, "path", kind), copyJson(valueOf(operation)), kind);
      return;
    case "remove":
      remove(document, pointerOf(operation, "path", kind), kind);
      return;
    case "replace":
      replace(document, pointerOf(operation, "path", kind), copyJson(valueOf(operation)));
      return;
    case "move": {
      const moved = remove(document, pointerOf(operation, "from", kind), kind);
      add(document, pointerOf(operation, "path", kind), moved, kind);
      return;
    }
    case "copy": {
      const source = get(document, pointerOf(operation, "from", kind), kind) ?? null;
      countCopy(document, source);
      add(document, pointerOf(operation, "path", kind), copyJson(source), kind);
      return;
    }
    case "test":
      test(document, pointerOf(operation, "path", kind), valueOf(operation));
      return;
    default:
      throw rejectedPatch(`Unexpected kind: ${kind}`);
  }
}

function pointerOf(operation: JsonObject, name: "path" | "from", kind: string): string {
  const pointer = ownValue(operation, name);
  if (typeof pointer === "string") return pointer;
  throw rejectedPatch(`${kind} operation failed to decode ${name}: missing value`);
}

/** Upstream takes an absent value for null. */
function valueOf(operation: JsonObject): Json {
  return ownValue(operation, "value") ?? null;
}

interface Target {
  readonly parent: JsonObject | Json[];
  readonly key: string;
  readonly depth: number;
}

/** The container that holds the last part of `pointer`; undefined when the way to it is missing. */
function findTarget(document: Document, pointer: string): Target | undefined {
  const parts = pointer.split("/").map(unescapePart);
  const key = parts.pop();
  if (key === undefined || parts.length === 0) return undefined;
  let parent = document.root;
  for (const part of parts.slice(1)) {
    const child = childOf(parent, part);
    if (typeof child !== "object" || child === null) return undefined;
    parent = child;
  }
  if (typeof parent !== "object" || parent === null) return undefined;
  return { parent, key, depth: parts.length };
}

function unescapePart(part: string): string {
  return part.includes("~") ? part.replaceAll("~1", "/").replaceAll("~0", "~") : part;
}

function childOf(parent: Json, key: string): Json | undefined {
  if (Array.isArray(parent)) {
    const index = indexOf(key, parent.length);
    return index === undefined ? undefined : parent[index];
  }
  return isJsonObject(parent) ? ownValue(parent, key) : undefined;
}

/** The place of `key` in a list of that length; undefined when it is no index or lies outside. */
function indexOf(key: string, length: number): number | undefined {
  if (!/^[+-]?[0-9]{1,15}$/.test(key)) return undefined;
  const given = Number(key);
  const index = given < 0 ? given + length : given;
  return index >= 0 && index < length ? index : undefined;
}

function missing(kind: string, pointer: string): StatusError {
  return rejectedPatch(
    `${kind} operation does not apply: doc is missing path: "${pointer}": missing value`,
  );
}

function invalidIndex(kind: string, pointer: string, key: string): StatusError {
  return rejectedPatch(
    `error in ${kind} for path: '${pointer}': Unable to access invalid index: ${key}: invalid index referenced`,
  );
}

function add(document: Document, pointer: string, value: Json, kind: string): void {
  const target = findTarget(document, pointer);
  if (target === undefined) throw missing(kind, pointer);
  const { parent, key } = target;
  if (target.depth + depthOf(value) > depthMax) {
    throw rejectedPatch(`${kind} operation would nest more than ${depthMax} levels`);
  }
  if (!Array.isArray(parent)) {
    setOwn(parent, key, value);
    return;
  }
  const index = key === "-" ? parent.length : indexOf(key, parent.length + 1);
  if (index === undefined) throw invalidIndex(kind, pointer, key);
  parent.splice(index, 0, value);
}

function remove(document: Document, pointer: string, kind: string): Json {
  const target = findTarget(document, pointer);
  if (target === undefined) throw missing(kind, pointer);
  const { parent, key } = target;
  if (Array.isArray(parent)) {
    const index = indexOf(key, parent.length);
    if (index === undefined) throw invalidIndex(kind, pointer, key);
    return parent.splice(index, 1)[0] ?? null;
  }
  const removed = ownValue(parent, key);
  if (removed === undefined) {
    throw rejectedPatch(
      `error in ${kind} for path: '${pointer}': Unable to remove nonexistent key: ${key}: missing value`,
    );
  }
  removeOwn(parent, key);
  return removed;
}

function replace(document: Document, pointer: string, value: Json): void {
  if (pointer === "") {
    document.root = value;
    return;
  }
  const target = findTarget(document, pointer);
  if (target === undefined) throw missing("replace", pointer);
  const { parent, key } = target;
  if (!Array.isArray(parent)) {
    setOwn(parent, key, value);
    return;
  }
  const index = indexOf(key, parent.length);
  if (index === undefined) {
    throw rejectedPatch(
      `replace operation does not apply: doc is missing key: ${pointer}: missing value`,
    );
  }
  parent[index] = value;
}

function get(document: Document, pointer: string, kind: string): Json | undefined {
  if (pointer === "" && kind === "test") return document.root;
  const target = findTarget(document, pointer);
  if (target === undefined) throw missing(kind, pointer);
  if (Array.isArray(target.parent) && childOf(target.parent, target.key) === undefined) {
    throw invalidIndex(kind, pointer, target.key);
  }
  return childOf(target.parent, target.key);
}

function test(document: Document, pointer: string, want: Json): void {
  const found = get(document, pointer, "test") ?? null;
  if (!equalJson(found, want)) {
    throw rejectedPatch(`testing value ${pointer} failed: test failed`);
  }
}

function countCopy(document: Document, value: Json): void {
  document.copiedBytes += JSON.stringify(value).length;
  if (document.copiedBytes > jsonPatchCopyBytesMax) {
    throw rejectedPatch(
      `Unable to complete the copy, the accumulated size increase of copy is ${document.copiedBytes}, exceeding the limit ${jsonPatchCopyBytesMax}`,
    );
  }
}
