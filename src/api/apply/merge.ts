import { copyJson, ownValue, setOwn } from "#api/json-value.ts";
import { isJsonObject, type Json, type JsonObject } from "#api/object.ts";
import { itemElement, type Structure } from "./structure.ts";
import { childStructure } from "./to-field-set.ts";

/**
 * The live object with a configuration merged in: nothing is removed, and where both have a leaf
 * the configuration's wins. The result shares nothing with the arguments. Upstream:
 * `typed/merge.go`.
 */
export function mergeObjects(
  live: JsonObject,
  configuration: JsonObject,
  structure: Structure,
): JsonObject {
  return mergeMaps(live, configuration, structure);
}

function merge(left: Json | undefined, right: Json | undefined, structure: Structure): Json {
  if (right === undefined) return copyJson(left ?? null);
  if (left === undefined || structure.kind === "leaf") return copyJson(right);
  if (structure.kind === "set" || structure.kind === "keyed") {
    const [before, after] = [listOf(left), listOf(right)];
    const isBare = before.length === 0 && after.length === 0;
    return isBare ? copyJson(right) : mergeLists(before, after, structure);
  }
  if (structure.kind === "deduced" && !(isJsonObject(left) && isJsonObject(right))) {
    return copyJson(right);
  }
  const [before, after] = [objectOf(left), objectOf(right)];
  const isBare = Object.keys(before).length === 0 && Object.keys(after).length === 0;
  return isBare ? copyJson(right) : mergeMaps(before, after, structure);
}

function objectOf(value: Json): JsonObject {
  return isJsonObject(value) ? value : {};
}

function listOf(value: Json): readonly Json[] {
  return Array.isArray(value) ? value : [];
}

function mergeMaps(left: JsonObject, right: JsonObject, structure: Structure): JsonObject {
  const result: JsonObject = {};
  for (const name of Object.keys(left)) {
    const merged = merge(left[name], ownValue(right, name), childStructure(structure, name));
    setOwn(result, name, merged);
  }
  for (const name of Object.keys(right)) {
    if (!Object.hasOwn(left, name)) setOwn(result, name, copyJson(right[name] ?? null));
  }
  return result;
}

type ListStructure = Structure & { readonly kind: "set" | "keyed" };

interface Item {
  readonly element: string;
  readonly value: Json;
}

function itemsOf(list: readonly Json[], structure: ListStructure): Item[] {
  const items: Item[] = [];
  for (const [i, value] of list.entries()) {
    items.push({ element: itemElement(structure, value) ?? `i:${i}`, value });
  }
  return items;
}

/**
 * Items that only the live list has keep their places around those that both have; these come in
 * the order of the configuration. An item that the live list has twice is not merged but replaced.
 */
function mergeLists(
  left: readonly Json[],
  right: readonly Json[],
  structure: ListStructure,
): Json[] {
  const [live, applied] = [itemsOf(left, structure), itemsOf(right, structure)];
  const appliedElements = new Set(applied.map((it) => it.element));
  const liveValues = uniqueValues(live);
  const items: Structure = structure.kind === "keyed" ? structure.items : { kind: "leaf" };
  const result: Json[] = [];
  for (const { item, isLive } of inMergedOrder(live, applied, appliedElements)) {
    if (isLive) result.push(copyJson(item.value));
    else result.push(merge(liveValues.get(item.element), item.value, items));
  }
  return result;
}

/** The values by element, undefined for those that occur twice. */
function uniqueValues(items: readonly Item[]): Map<string, Json | undefined> {
  const values = new Map<string, Json | undefined>();
  for (const { element, value } of items) {
    values.set(element, values.has(element) ? undefined : value);
  }
  return values;
}

interface Placed {
  readonly item: Item;
  /** True for an item that the configuration does not have. */
  readonly isLive: boolean;
}

/** Walks both lists at once, as upstream's `visitListItems` does. */
function inMergedOrder(
  live: readonly Item[],
  applied: readonly Item[],
  appliedElements: ReadonlySet<string>,
): Placed[] {
  const liveElements = new Set(live.map((it) => it.element));
  const shared = applied.map((it) => it.element).filter((it) => liveElements.has(it));
  const placed: Placed[] = [];
  const done = new Set<string>();
  let [l, r, next] = [0, 0, 0];
  for (;;) {
    const [before, after] = [live[l], applied[r]];
    if (before !== undefined && !appliedElements.has(before.element)) {
      placed.push({ item: before, isLive: true });
      l++;
    } else if (before !== undefined && mustWait(before, after, shared[next], done)) {
      l++;
    } else if (after === undefined) {
      return placed;
    } else {
      placed.push({ item: after, isLive: false });
      done.add(after.element);
      if (before?.element === after.element) l++;
      if (shared[next] === after.element) next++;
      r++;
    }
  }
}

/** Whether a live item that is applied too has had its turn, or has it later. */
function mustWait(
  before: Item,
  after: Item | undefined,
  nextShared: string | undefined,
  done: ReadonlySet<string>,
): boolean {
  if (done.has(before.element)) return true;
  if (after === undefined || before.element === after.element) return false;
  return nextShared !== undefined && nextShared !== before.element;
}
