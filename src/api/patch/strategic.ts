import { copyJson, ownValue, removeOwn, setOwn } from "#api/json-value.ts";
import { isJsonObject, type Json, type JsonObject } from "#api/object.ts";
import type { TypeTable } from "#api/schema/type-table.ts";
import { badRequest } from "#api/status.ts";
import {
  badType,
  deleteFromListPrefix,
  elementOrderPrefix,
  goText,
  patchMarker,
  retainKeysMarker,
  withoutDirectives,
} from "./directives.ts";
import { ruleOf, type FieldRule, type PatchContext } from "./field-rule.ts";
import { checkAgainstOrder, inOrder, mergeLists } from "./strategic-list.ts";

/**
 * Applies a strategic merge patch to a copy of `object`, whose type is `type`; no argument is
 * changed. Fields that the type does not know merge as in a JSON merge patch. Upstream:
 * apimachinery `pkg/util/strategicpatch/patch.go`, except that what a client did wrong is always
 * told with a 4xx, where upstream answers some of it with 500.
 *
 * @throws {StatusError} 400 when a directive or the patch itself is malformed, with upstream's
 * wording, e.g. `map: map[…] does not contain declared merge key: name`; 422 for lists of lists.
 */
export function applyStrategicMergePatch(
  object: JsonObject,
  patch: Json,
  type: string,
  table: TypeTable,
): JsonObject {
  if (!isJsonObject(patch)) throw badRequest("invalid JSON document");
  const context: PatchContext = { table, shape: { kind: "object", type } };
  return mergeObjects(copyJson(object), copyJson(patch), context);
}

/** Merges `patch` into `original`; both belong to the merge and are changed. */
export function mergeObjects(
  original: JsonObject,
  patch: JsonObject,
  context: PatchContext,
): JsonObject {
  const directive = ownValue(patch, patchMarker);
  if (directive !== undefined) return replaced(directive, patch);
  retainKeys(original, patch);
  mergeOrderedLists(original, patch, context);
  for (const key of Object.keys(patch)) {
    const value = patch[key] ?? null;
    if (key.startsWith(deleteFromListPrefix)) {
      deleteFromList(original, key.slice(deleteFromListPrefix.length), value, context);
    } else if (value === null) {
      removeOwn(original, key);
    } else {
      mergeField(original, key, value, context);
    }
  }
  return original;
}

function replaced(directive: Json, patch: JsonObject): JsonObject {
  if (directive === "delete") return {};
  if (directive !== "replace") {
    throw badRequest(`unknown patch type: ${goText(directive)} in map: ${goText(patch)}`);
  }
  removeOwn(patch, patchMarker);
  const result = withoutDirectives(patch);
  return isJsonObject(result) ? result : {};
}

function mergeField(original: JsonObject, key: string, value: Json, context: PatchContext): void {
  const current = ownValue(original, key);
  const rule = ruleOf(context, key);
  if (isJsonObject(current) && isJsonObject(value)) {
    const merged =
      rule.strategy === "replace"
        ? withoutDirectives(value)
        : mergeObjects(current, value, rule.context);
    setOwn(original, key, merged ?? {});
    return;
  }
  if (Array.isArray(current) && Array.isArray(value)) {
    setOwn(original, key, mergeListField(current, value, rule));
    return;
  }
  const taken = withoutDirectives(value);
  if (taken === undefined) removeOwn(original, key);
  else setOwn(original, key, taken);
}

function mergeListField(current: Json[], patch: Json[], rule: FieldRule): Json[] {
  return rule.strategy === "merge" ? mergeLists(current, patch, rule, mergeObjects) : patch;
}

/** `$retainKeys`: keeps only the named keys of the original. The patch may set no others. */
function retainKeys(original: JsonObject, patch: JsonObject): void {
  const retained = ownValue(patch, retainKeysMarker);
  if (retained === undefined) return;
  removeOwn(patch, retainKeysMarker);
  if (!Array.isArray(retained)) throw badRequest("invalid patch format of retainKeys");
  for (const key of Object.keys(patch)) {
    const isDirective = key.startsWith(deleteFromListPrefix) || key.startsWith(elementOrderPrefix);
    if (patch[key] !== null && !isDirective && !retained.includes(key)) {
      throw badRequest("invalid patch format of retainKeys");
    }
  }
  for (const key of Object.keys(original)) {
    if (!retained.includes(key)) removeOwn(original, key);
  }
}

/** `$deleteFromPrimitiveList/x`: takes scalars out of the list `x`, if there is one. */
function deleteFromList(
  original: JsonObject,
  key: string,
  value: Json,
  context: PatchContext,
): void {
  if (value === null) {
    removeOwn(original, key);
    return;
  }
  const current = ownValue(original, key);
  if (!Array.isArray(current) || !Array.isArray(value)) return;
  if (current.some(isJsonObject) || value.some(isJsonObject)) {
    setOwn(original, key, mergeLists(current, value, ruleOf(context, key), mergeObjects));
    return;
  }
  setOwn(
    original,
    key,
    current.filter((it) => !value.includes(it)),
  );
}

/**
 * `$setElementOrder/x`: merges the list `x` of the patch, then puts the result in the given order;
 * items that only the server has keep their places relative to each other. Takes both keys out of
 * the patch.
 */
function mergeOrderedLists(original: JsonObject, patch: JsonObject, context: PatchContext): void {
  for (const directive of Object.keys(patch)) {
    if (!directive.startsWith(elementOrderPrefix)) continue;
    const order = ownValue(patch, directive);
    removeOwn(patch, directive);
    if (!Array.isArray(order)) throw badType("[]interface {}", order);
    const key = directive.slice(elementOrderPrefix.length);
    const current = listAt(original, key);
    const changes = listAt(patch, key);
    const rule = ruleOf(context, key);
    checkAgainstOrder(changes ?? [], order, rule.mergeKey);
    removeOwn(patch, key);
    if (current === undefined && changes === undefined) continue;
    const merged = mergedLists(current, changes, rule);
    setOwn(original, key, inOrder(merged, order, current ?? [], rule.mergeKey));
  }
}

function mergedLists(
  current: Json[] | undefined,
  changes: Json[] | undefined,
  rule: FieldRule,
): Json[] {
  if (changes === undefined) return current ?? [];
  if (current !== undefined) return mergeListField(current, changes, rule);
  const taken = withoutDirectives(changes);
  return Array.isArray(taken) ? taken : [];
}

function listAt(object: JsonObject, key: string): Json[] | undefined {
  const value = ownValue(object, key);
  if (value === undefined || Array.isArray(value)) return value;
  throw badType("[]interface {}", value);
}
