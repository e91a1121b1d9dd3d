import { setOwn } from "#api/json-value.ts";
import { isJsonObject, type Json, type JsonObject } from "#api/object.ts";
import { badRequest, type StatusError } from "#api/status.ts";

/** In a map: `delete` or `replace` instead of merging it. */
export const patchMarker = "$patch";
/** In a map: the keys of the original that survive. */
export const retainKeysMarker = "$retainKeys";
/** Beside a list: the scalars to take out of it. */
export const deleteFromListPrefix = "$deleteFromPrimitiveList/";
/** Beside a list: the order of its items. */
export const elementOrderPrefix = "$setElementOrder/";

/** True for the keys of a patch that name no field. */
function isDirectiveKey(key: string): boolean {
  return (
    key === retainKeysMarker ||
    key.startsWith(deleteFromListPrefix) ||
    key.startsWith(elementOrderPrefix)
  );
}

/**
 * A patch value that is taken as it is, without nulls, without directives and without objects that
 * carry `$patch`; undefined when the value itself carries it.
 */
export function withoutDirectives(value: Json): Json | undefined {
  if (Array.isArray(value)) {
    return value.map(withoutDirectives).filter((it) => it !== undefined);
  }
  if (!isJsonObject(value)) return value;
  if (Object.hasOwn(value, patchMarker)) return undefined;
  const kept: JsonObject = {};
  for (const key of Object.keys(value)) {
    if (isDirectiveKey(key)) continue;
    const child = value[key];
    const taken = child === null || child === undefined ? undefined : withoutDirectives(child);
    if (taken !== undefined) setOwn(kept, key, taken);
  }
  return kept;
}

/** 400 with upstream's text for an item without its merge key. */
export function noMergeKey(item: JsonObject, mergeKey: string): StatusError {
  return badRequest(`map: ${goText(item)} does not contain declared merge key: ${mergeKey}`);
}

/** 400 with upstream's text for a value of a wrong type; `expected` is spelt as Go does. */
export function badType(expected: string, actual: Json | undefined): StatusError {
  return badRequest(`expected a ${expected}, but received a ${goType(actual)}`);
}

/** A value as Go's `%v` prints it, since upstream's messages do: `map[a:1 b:[x y]]`. */
export function goText(value: Json | undefined): string {
  if (value === null || value === undefined) return "<nil>";
  if (Array.isArray(value)) return `[${value.map(goText).join(" ")}]`;
  if (!isJsonObject(value)) return String(value);
  const keys = Object.keys(value).sort();
  return `map[${keys.map((it) => `${it}:${goText(value[it])}`).join(" ")}]`;
}

/** The Go type that a JSON value decodes into. */
export function goType(value: Json | undefined): string {
  if (value === null || value === undefined) return "%!s(<nil>)";
  if (Array.isArray(value)) return "[]interface {}";
  if (typeof value === "string") return "string";
  if (typeof value === "boolean") return "bool";
  if (typeof value === "number") return Number.isInteger(value) ? "int64" : "float64";
  return "map[string]interface {}";
}
