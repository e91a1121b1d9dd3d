import { equalJson } from "#api/json-value.ts";
import { isJsonObject, type Json, type JsonObject } from "#api/object.ts";

/** True when two objects differ in nothing but who manages which field, and their revision. */
export function sameContent(a: JsonObject, b: JsonObject): boolean {
  return equalJson(withoutTracking(a), withoutTracking(b));
}

/** True when two lists of managed fields differ in nothing but their times. */
export function sameOwners(a: JsonObject, b: JsonObject): boolean {
  return equalJson(ownersOf(a), ownersOf(b));
}

function withoutTracking(object: JsonObject): JsonObject {
  const metadata = object["metadata"];
  if (!isJsonObject(metadata)) return object;
  const rest = { ...metadata, managedFields: undefined, resourceVersion: undefined };
  return { ...object, metadata: rest };
}

function ownersOf(object: JsonObject): Json[] {
  const metadata = object["metadata"];
  const owners = isJsonObject(metadata) ? metadata["managedFields"] : undefined;
  if (!Array.isArray(owners)) return [];
  return owners.map((it) => {
    if (!isJsonObject(it)) return it;
    const rest: JsonObject = { ...it, time: undefined };
    return rest;
  });
}
