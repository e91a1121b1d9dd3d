import { ownValue } from "#api/json-value.ts";
import { isJsonObject, type Json, type JsonObject } from "#api/object.ts";
import { badRequest } from "#api/status.ts";
import {
  badType,
  goText,
  goType,
  noMergeKey,
  patchMarker,
  withoutDirectives,
} from "./directives.ts";
import type { FieldRule, PatchContext } from "./field-rule.ts";
import { rejectedPatch } from "./rejected.ts";

type MergeObjects = (original: JsonObject, patch: JsonObject, context: PatchContext) => JsonObject;

/**
 * Merges two lists with the strategy `merge`: scalars as a set, objects by their merge key. Items
 * of the patch come in its order, the others keep theirs. Changes both lists.
 */
export function mergeLists(
  original: Json[],
  patch: Json[],
  rule: FieldRule,
  mergeObjects: MergeObjects,
): Json[] {
  if (original.length === 0 && patch.length === 0) return original;
  if (elementType([original, patch]) !== "map[string]interface {}") {
    return inOrder([...new Set([...original, ...patch])], patch, original, undefined);
  }
  if (rule.mergeKey === undefined) {
    throw badRequest("cannot merge lists without merge key for struct");
  }
  const { kept, changes } = applySpecialItems(original, patch, rule.mergeKey);
  const merged = mergeItems(kept, changes, rule, mergeObjects);
  return inOrder(merged, changes, kept, rule.mergeKey);
}

/** Handles the items with `$patch`: deletes from the original, or drops all of it. */
function applySpecialItems(
  original: readonly Json[],
  patch: readonly Json[],
  mergeKey: string,
): { kept: Json[]; changes: JsonObject[] } {
  const changes: JsonObject[] = [];
  const deleted = new Set<Json>();
  let replace = false;
  for (const item of patch.filter(isJsonObject)) {
    const directive = ownValue(item, patchMarker);
    if (directive === undefined) changes.push(item);
    else if (directive === "delete") deleted.add(keyOf(item, mergeKey));
    else if (directive === "replace") replace = true;
    else if (directive === "merge") {
      throw badRequest("merging lists cannot yet be specified in the patch");
    } else {
      throw badRequest(`unknown patch type: ${goText(directive)} in map: ${goText(item)}`);
    }
  }
  if (replace) return { kept: changes, changes: [] };
  const kept = original.filter((it) => {
    const key = isJsonObject(it) ? ownValue(it, mergeKey) : undefined;
    return key === undefined || !deleted.has(key);
  });
  return { kept, changes };
}

function mergeItems(
  original: readonly Json[],
  changes: readonly JsonObject[],
  rule: FieldRule,
  mergeObjects: MergeObjects,
): Json[] {
  const merged = [...original];
  const mergeKey = rule.mergeKey ?? "";
  for (const change of changes) {
    const key = keyOf(change, mergeKey);
    const at = merged.findIndex((it) => isJsonObject(it) && ownValue(it, mergeKey) === key);
    const current = merged[at];
    if (isJsonObject(current)) merged[at] = mergeObjects(current, change, rule.context);
    else merged.push(withoutDirectives(change) ?? change);
  }
  return merged;
}

/**
 * `items`, those that `order` names in its order, the others in the order of `original`; where an
 * item of one kind meets one of the other, the original decides, or else the ordered one is first.
 */
export function inOrder(
  items: readonly Json[],
  order: readonly Json[],
  original: readonly Json[],
  mergeKey: string | undefined,
): Json[] {
  const identify = (it: Json): Json => identityOf(it, mergeKey);
  const wanted = indexBy(order, identify);
  const before = indexBy(original, identify);
  const isWanted = (it: Json): boolean => wanted.has(identify(it));
  const ordered = sortBy(items.filter(isWanted), wanted, identify);
  const others = sortBy(
    items.filter((it) => !isWanted(it)),
    before,
    identify,
  );
  return interleave(others, ordered, (it) => before.get(identify(it)));
}

function interleave(
  left: readonly Json[],
  right: readonly Json[],
  place: (item: Json) => number | undefined,
): Json[] {
  const result: Json[] = [];
  let i = 0;
  for (const item of right) {
    const rightPlace = place(item);
    for (let next = left[i]; next !== undefined; next = left[i]) {
      const leftPlace = place(next);
      if (leftPlace === undefined || rightPlace === undefined || leftPlace >= rightPlace) break;
      result.push(next);
      i++;
    }
    result.push(item);
  }
  return [...result, ...left.slice(i)];
}

function indexBy(items: readonly Json[], identify: (it: Json) => Json): Map<Json, number> {
  const places = new Map<Json, number>();
  for (const [i, item] of items.entries()) {
    const identity = identify(item);
    if (!places.has(identity)) places.set(identity, i);
  }
  return places;
}

function sortBy(
  items: readonly Json[],
  places: ReadonlyMap<Json, number>,
  identify: (it: Json) => Json,
): Json[] {
  const place = (it: Json): number => places.get(identify(it)) ?? places.size;
  return [...items].sort((a, b) => place(a) - place(b));
}

/** The merge key's value of an object, the scalar itself of others. */
function identityOf(item: Json, mergeKey: string | undefined): Json {
  if (mergeKey === undefined || !isJsonObject(item)) return item;
  return keyOf(item, mergeKey);
}

function keyOf(item: JsonObject, mergeKey: string): Json {
  const key = ownValue(item, mergeKey);
  if (key === undefined) throw noMergeKey(item, mergeKey);
  return key;
}

/**
 * Refuses a patch list whose items are not a subsequence of its `$setElementOrder` list; deletions
 * do not count. An empty list on either side passes.
 */
export function checkAgainstOrder(
  patch: readonly Json[],
  order: readonly Json[],
  mergeKey: string | undefined,
): void {
  if (patch.length === 0 || order.length === 0) return;
  const items = patch.filter((it) => !(isJsonObject(it) && Object.hasOwn(it, patchMarker)));
  if (mergeKey !== undefined) {
    const wrong = [...items, ...order].find((it) => !isJsonObject(it));
    if (wrong !== undefined) throw badType("map[string]interface {}", wrong);
  }
  let next = 0;
  for (const place of order) {
    const item = items[next];
    if (item === undefined) break;
    if (identityOf(item, mergeKey) === identityOf(place, mergeKey)) next++;
  }
  if (next < items.length) {
    throw badRequest(
      `The order in patch list:\n${goText([...patch])}\n doesn't match $setElementOrder list:\n${goText([...order])}\n`,
    );
  }
}

function elementType(lists: readonly (readonly Json[])[]): string {
  const types = new Set(lists.flat().map(goType));
  const [first = ""] = types;
  if (first === "[]interface {}") throw rejectedPatch("lists of lists are not supported");
  if (types.size > 1 && !isNumeric(types)) {
    const shown = lists.map((it) => goText([...it])).join(" ");
    throw badRequest(`list element types are not identical: [${shown}]`);
  }
  return first;
}

/** Go tells integers from floats when it decodes, JavaScript does not. */
function isNumeric(types: ReadonlySet<string>): boolean {
  return types.size === 2 && types.has("int64") && types.has("float64");
}
