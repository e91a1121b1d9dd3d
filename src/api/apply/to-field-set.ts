import { sortedKeys } from "#api/json-value.ts";
import { isJsonObject, type Json, type JsonObject } from "#api/object.ts";
import { elementText, fieldElement, self } from "./element.ts";
import { leaf, sorted, withMember, type Fields } from "./field-set.ts";
import { itemElement, type Structure } from "./structure.ts";

/**
 * The paths that a configuration mentions: its leaves, the items of its lists, the keys of its maps
 * and empty objects; not the structs and lists around them. That is what an applier owns. Upstream:
 * `typed/tofieldset.go`.
 */
export function toFieldSet(object: JsonObject, structure: Structure): Fields | undefined {
  return setOf(object, structure, false);
}

/** As {@link toFieldSet}, with the fields that nobody owns, like `metadata.name`. */
export function toFullSet(object: JsonObject, structure: Structure): Fields | undefined {
  return setOf(object, structure, true);
}

type Draft = Record<string, Fields>;

/** The node of a value; undefined when neither it nor anything in it is a member. */
function setOf(value: Json, structure: Structure, isFull: boolean): Fields | undefined {
  switch (structure.kind) {
    case "leaf":
      return leaf;
    case "set":
    case "keyed":
      return Array.isArray(value) ? setOfItems(value, structure) : undefined;
    case "struct":
    case "map":
      return isJsonObject(value) ? setOfChildren(value, structure, isFull) : undefined;
    case "deduced":
      if (value === null) return undefined;
      return isJsonObject(value) ? setOfChildren(value, structure, isFull) : leaf;
  }
}

function setOfChildren(
  value: JsonObject,
  structure: Structure,
  isFull: boolean,
): Fields | undefined {
  const draft: Draft = {};
  for (const name of sortedKeys(value)) {
    const child = value[name];
    if (child === undefined) continue;
    const field = structure.kind === "struct" ? structure.field(name) : undefined;
    if (field?.isUntracked === true && !isFull) continue;
    const inner = childStructure(structure, name);
    const node = setOf(child, inner, isFull);
    const isItself = isBare(child) || field === undefined;
    const result = isItself ? withMember(node) : node;
    if (result !== undefined) draft[field?.element ?? fieldElement(name)] = result;
  }
  return orNothing(draft);
}

/** The structure of a field or key; what a struct does not declare is deduced. */
export function childStructure(structure: Structure, name: string): Structure {
  if (structure.kind === "struct") return structure.field(name)?.structure ?? { kind: "deduced" };
  return structure.kind === "map" ? structure.values : { kind: "deduced" };
}

/** Null and the empty object have no leaves, so they are owned themselves. */
function isBare(value: Json): boolean {
  if (value === null) return true;
  if (!isJsonObject(value)) return false;
  return Object.keys(value).length === 0;
}

function setOfItems(
  list: readonly Json[],
  structure: Structure & { readonly kind: "set" | "keyed" },
): Fields | undefined {
  const draft: Draft = {};
  const items: Structure = structure.kind === "keyed" ? structure.items : { kind: "leaf" };
  for (const item of list) {
    const element = itemElement(structure, item);
    if (element === undefined) continue;
    // An item that is there twice is owned as a whole.
    draft[element] = draft[element] === undefined ? withMember(setOf(item, items, true)) : leaf;
  }
  return orNothing(sorted(draft));
}

function orNothing(draft: Draft): Fields | undefined {
  return Object.keys(draft).length === 0 ? undefined : draft;
}

/**
 * The set with the declared fields on the way to its members added; keys of maps and items of
 * lists are not. Pruning goes by it, so that structs vanish with their last field. Upstream:
 * `EnsureNamedFieldsAreMembers`.
 */
export function withNamedFields(set: Fields | undefined, structure: Structure): Fields | undefined {
  if (set === undefined) return undefined;
  const draft: Draft = {};
  for (const element of Object.keys(set)) {
    const child = set[element];
    if (child === undefined) continue;
    if (element === self || child === leaf) {
      draft[element] = child;
      continue;
    }
    const name = element.startsWith("f:") ? element.slice(2) : undefined;
    const node = withNamedFields(child, elementStructure(structure, name)) ?? leaf;
    draft[element] = isDeclared(structure, name) ? withMember(node) : node;
  }
  return draft;
}

function isDeclared(structure: Structure, name: string | undefined): boolean {
  return name !== undefined && structure.kind === "struct" && structure.field(name) !== undefined;
}

function elementStructure(structure: Structure, name: string | undefined): Structure {
  if (name !== undefined) return childStructure(structure, name);
  return structure.kind === "keyed" ? structure.items : { kind: "deduced" };
}

/**
 * What is wrong with a configuration: undeclared fields, items twice or without keys, objects where
 * there should be none. Upstream: `typed/validate.go`, whose text this is.
 */
export function configurationErrors(object: JsonObject, structure: Structure): string[] {
  const errors: string[] = [];
  check(object, structure, "", errors);
  return errors;
}

function check(value: Json, structure: Structure, path: string, errors: string[]): void {
  if (value === null || structure.kind === "leaf" || structure.kind === "deduced") return;
  if (structure.kind === "set" || structure.kind === "keyed") {
    if (Array.isArray(value)) checkItems(value, structure, path, errors);
    else errors.push(`${path}: expected list, got ${JSON.stringify(value)}`);
    return;
  }
  if (!isJsonObject(value)) {
    errors.push(`${path}: expected map, got ${JSON.stringify(value)}`);
    return;
  }
  for (const name of Object.keys(value)) {
    if (structure.kind === "struct" && structure.field(name) === undefined) {
      errors.push(`${path}.${name}: field not declared in schema`);
    } else {
      check(value[name] ?? null, childStructure(structure, name), `${path}.${name}`, errors);
    }
  }
}

function checkItems(
  list: readonly Json[],
  structure: Structure & { readonly kind: "set" | "keyed" },
  path: string,
  errors: string[],
): void {
  const seen = new Set<string>();
  for (const [i, item] of list.entries()) {
    const element = itemElement(structure, item);
    if (element === undefined) {
      errors.push(`${path}: element ${i}: ${itemFault(structure, item)}`);
      continue;
    }
    if (seen.has(element)) {
      errors.push(`${path}: duplicate entries for key ${elementText(element)}`);
    }
    seen.add(element);
    if (structure.kind === "keyed") {
      check(item, structure.items, path + elementText(element), errors);
    }
  }
}

function itemFault(structure: Structure & { readonly kind: "set" | "keyed" }, item: Json): string {
  if (structure.kind === "set") {
    if (item === null)
      return "associative list without keys has an element that's an explicit null";
    return Array.isArray(item)
      ? "not supported: associative list with lists as elements"
      : "associative list without keys has an element that's a map type";
  }
  if (item === null) return "associative list with keys may not have a null element";
  if (!isJsonObject(item)) return "associative list with keys may not have non-map elements";
  const keys = structure.keys.map((it) => JSON.stringify(it.name)).join(" ");
  return `associative list with keys has an element that omits all key fields [${keys}] (and doesn't have default values for any key fields)`;
}
