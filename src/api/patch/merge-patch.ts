import { copyJson, ownValue, removeOwn, setOwn } from "#api/json-value.ts";
import { isJsonObject, type Json, type JsonObject } from "#api/object.ts";
import { badRequest } from "#api/status.ts";

/**
 * Applies a JSON merge patch (RFC 7386) to a copy of `object`; neither argument is changed.
 *
 * @throws {StatusError} 400 when the patch is not an object.
 */
export function applyMergePatch(object: JsonObject, patch: Json): JsonObject {
  if (!isJsonObject(patch)) throw badRequest("Invalid JSON Patch");
  const result = copyJson(object);
  merge(result, patch);
  return result;
}

function merge(target: JsonObject, patch: JsonObject): void {
  for (const key of Object.keys(patch)) {
    const value = patch[key];
    if (value === null || value === undefined) {
      removeOwn(target, key);
      continue;
    }
    const current = ownValue(target, key);
    if (isJsonObject(current) && isJsonObject(value)) merge(current, value);
    else setOwn(target, key, withoutNulls(value));
  }
}

/** A copy in which null properties of objects are left out, also of objects inside lists. */
export function withoutNulls(value: Json): Json {
  if (Array.isArray(value)) return value.map((it) => withoutNulls(it));
  if (!isJsonObject(value)) return value;
  const copy: JsonObject = {};
  for (const key of Object.keys(value)) {
    const child = value[key];
    if (child !== null && child !== undefined) setOwn(copy, key, withoutNulls(child));
  }
  return copy;
}
