import { equalJson, ownValue, sortedKeys } from "#api/json-value.ts";
import { isJsonObject, type Json, type JsonObject } from "#api/object.ts";
import { fieldElement, self } from "./element.ts";
import { leaf, sorted, withMember, type Fields } from "./field-set.ts";
import { itemElement, type Structure } from "./structure.ts";

/** How two values of one type differ. No path is in both. Upstream: `typed/compare.go`. */
export interface Comparison {
  /** Paths that only the second has, and those whose value differs. */
  readonly changed: Fields | undefined;
  /** Paths that only the first has. */
  readonly removed: Fields | undefined;
}

type Draft = Record<string, Fields>;

/** Compares two objects, the first absent on create. */
export function compareObjects(
  before: JsonObject | undefined,
  after: JsonObject,
  structure: Structure,
): Comparison {
  const out: Out = { changed: undefined, removed: undefined };
  compare(before ?? {}, after, structure, out);
  return out;
}

/** The nodes of one path in both trees, as far as they have been found to differ. */
interface Out {
  changed: Fields | undefined;
  removed: Fields | undefined;
}

type Value = Json | undefined;

/** Writes the node of this path into `out`, which the caller hangs into its own. */
function compare(left: Value, right: Value, structure: Structure, out: Out): void {
  if (left === undefined && right !== undefined) out.changed = allFields(right, structure);
  else if (right === undefined && left !== undefined) out.removed = allFields(left, structure);
  else if (left !== right) comparePresent(left ?? null, right ?? null, structure, out);
}

function comparePresent(left: Json, right: Json, structure: Structure, out: Out): void {
  if (structure.kind === "leaf") {
    compareLeaf(left, right, out);
  } else if (structure.kind === "deduced") {
    compareDeduced(left, right, out);
  } else if (isEmpty(left) && isEmpty(right)) {
    // Two containers without content are one value each: null and empty differ.
    compareLeaf(left, right, out);
  } else if (structure.kind === "set" || structure.kind === "keyed") {
    compareLists(listOf(left), listOf(right), structure, out);
  } else {
    compareMaps(objectOf(left), objectOf(right), structure, out);
  }
}

function compareLeaf(left: Json, right: Json, out: Out): void {
  if (!equalJson(left, right)) out.changed = leaf;
}

function isEmpty(value: Json): boolean {
  if (Array.isArray(value)) return value.length === 0;
  if (!isJsonObject(value)) return true;
  for (const _ in value) return false;
  return true;
}

const noObject: JsonObject = Object.freeze({});

function objectOf(value: Json): JsonObject {
  return isJsonObject(value) ? value : noObject;
}

function listOf(value: Json): Json[] {
  return Array.isArray(value) ? value : [];
}

/** Where the kind of the value changes, all of the old goes and all of the new comes. */
function compareDeduced(left: Json, right: Json, out: Out): void {
  if (isJsonObject(left) && isJsonObject(right)) {
    compareMaps(left, right, deduced, out);
  } else if (isJsonObject(left) || isJsonObject(right)) {
    compareMaps(objectOf(left), objectOf(right), deduced, out);
    out.changed = withMember(out.changed);
  } else {
    compareLeaf(left, right, out);
  }
}

const deduced: Structure = { kind: "deduced" };

function compareMaps(left: JsonObject, right: JsonObject, structure: Structure, out: Out): void {
  const children = new Children();
  for (const name in right) {
    const value = right[name];
    // A struct has no field of a name that objects inherit.
    const old = structure.kind === "struct" ? left[name] : ownValue(left, name);
    if (value === old) continue;
    children.compare(name, old, value, structure);
  }
  for (const name in left) {
    if (right[name] === undefined || !Object.hasOwn(right, name)) {
      children.compare(name, left[name], undefined, structure);
    }
  }
  children.finish(out);
}

/** The children of a node, in both trees. */
class Children {
  changed: Draft | undefined;
  removed: Draft | undefined;

  compare(name: string, left: Value, right: Value, structure: Structure): void {
    if (left === right) return;
    if (structure.kind !== "struct") {
      const values = structure.kind === "map" ? structure.values : structure;
      this.add(fieldElement(name), left, right, values);
      return;
    }
    const field = structure.field(name);
    if (field === undefined || field.isUntracked) return;
    const { implicit } = field;
    if (implicit === undefined || (left !== undefined && right !== undefined)) {
      this.add(field.element, left, right, field.structure);
    } else if (!isZero(left ?? right ?? null)) {
      this.add(field.element, left ?? implicit, right ?? implicit, field.structure);
    }
  }

  add(element: string, left: Value, right: Value, structure: Structure): void {
    const out: Out = { changed: undefined, removed: undefined };
    compare(left, right, structure, out);
    if (out.changed !== undefined) (this.changed ??= {})[element] = out.changed;
    if (out.removed !== undefined) (this.removed ??= {})[element] = out.removed;
  }

  finish(out: Out): void {
    if (this.changed !== undefined) out.changed = sorted(this.changed);
    if (this.removed !== undefined) out.removed = sorted(this.removed);
  }
}

/** Go's zero values, which an absent field of that kind equals. */
function isZero(value: Json): boolean {
  return value === null || value === "" || value === 0 || value === false;
}

type ListStructure = Structure & { readonly kind: "set" | "keyed" };

function compareLists(left: Json[], right: Json[], structure: ListStructure, out: Out): void {
  // Most lists are the same on most writes, and equality is much cheaper than path elements.
  if (equalJson(left, right)) return;
  const children = new Children();
  const items = structure.kind === "keyed" ? structure.items : itemLeaf;
  const [before, after] = [groupItems(left, structure), groupItems(right, structure)];
  for (const element of new Set([...before.keys(), ...after.keys()])) {
    const [old, next] = [before.get(element) ?? [], after.get(element) ?? []];
    if (old.length <= 1 && next.length <= 1) {
      children.add(element, old[0], next[0], items);
    } else if (old.length >= 2 && next.length >= 2) {
      if (!equalJson([...old], [...next])) (children.changed ??= {})[element] = leaf;
    } else if (old.length >= 2) {
      children.add(element, undefined, next[0], items);
      (children.removed ??= {})[element] = leaf;
    } else {
      children.add(element, old[0], undefined, items);
      (children.changed ??= {})[element] = leaf;
    }
  }
  children.finish(out);
}

const itemLeaf: Structure = { kind: "leaf" };

function groupItems(list: readonly Json[], structure: ListStructure): Map<string, Json[]> {
  const groups = new Map<string, Json[]>();
  for (const item of list) {
    const element = itemElement(structure, item);
    if (element === undefined) continue;
    const group = groups.get(element);
    if (group === undefined) groups.set(element, [item]);
    else group.push(item);
  }
  return groups;
}

/** Every path of a value that did not exist before, its containers included. */
export function allFields(value: Json, structure: Structure): Fields {
  switch (structure.kind) {
    case "leaf":
      return leaf;
    case "set":
    case "keyed":
      return Array.isArray(value) && value.length > 0 ? allItems(value, structure) : leaf;
    case "struct":
    case "map":
    case "deduced":
      return isJsonObject(value) ? allChildren(value, structure) : leaf;
  }
}

function allChildren(value: JsonObject, structure: Structure): Fields {
  const draft: Draft = { [self]: leaf };
  let isBare = true;
  for (const name of sortedKeys(value)) {
    const child = value[name];
    if (child === undefined) continue;
    isBare = false;
    if (structure.kind === "struct") {
      const field = structure.field(name);
      if (field === undefined || field.isUntracked) continue;
      draft[field.element] = allFields(child, field.structure);
    } else {
      const values = structure.kind === "map" ? structure.values : structure;
      draft[fieldElement(name)] = allFields(child, values);
    }
  }
  return isBare ? leaf : draft;
}

function allItems(list: readonly Json[], structure: ListStructure): Fields {
  const draft: Draft = { [self]: leaf };
  const items = structure.kind === "keyed" ? structure.items : itemLeaf;
  for (const item of list) {
    const element = itemElement(structure, item);
    if (element === undefined) continue;
    // An item that is there twice is owned as a whole.
    draft[element] = draft[element] === undefined ? allFields(item, items) : leaf;
  }
  return list.length > 1 ? sorted(draft) : draft;
}
