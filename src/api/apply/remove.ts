import { setOwn } from "#api/json-value.ts";
import { isJsonObject, type Json, type JsonObject } from "#api/object.ts";
import { fieldElement } from "./element.ts";
import { hasMember, type Fields } from "./field-set.ts";
import { itemElement, type Structure } from "./structure.ts";
import { childStructure } from "./to-field-set.ts";

/** A place that lost all it had and is null. */
export interface Emptied {
  readonly parent: JsonObject;
  readonly name: string;
}

export interface Removal {
  readonly object: JsonObject;
  readonly emptied: readonly Emptied[];
}

/**
 * The object without the fields, keys and items that are members of the set, whatever they contain.
 * A map, struct or list that loses all it had is null: it is still owned by whoever owned it. The
 * result may share values with `object`. Upstream: `typed/remove.go`.
 */
export function removeFields(
  object: JsonObject,
  removed: Fields | undefined,
  structure: Structure,
): Removal {
  if (removed === undefined) return { object, emptied: [] };
  const emptied: Emptied[] = [];
  const rest = removeFrom(object, removed, structure, emptied);
  return { object: isJsonObject(rest) ? rest : {}, emptied };
}

/** What is left of a value; undefined when nothing is. */
function removeFrom(
  value: Json,
  removed: Fields,
  structure: Structure,
  emptied: Emptied[],
): Json | undefined {
  if (structure.kind === "leaf") return value;
  if (Array.isArray(value)) {
    const isLooked = structure.kind === "set" || structure.kind === "keyed";
    return isLooked ? removeItems(value, removed, structure, emptied) : value;
  }
  return isJsonObject(value) ? removeChildren(value, removed, structure, emptied) : value;
}

function removeChildren(
  value: JsonObject,
  removed: Fields,
  structure: Structure,
  emptied: Emptied[],
): JsonObject | undefined {
  const result: JsonObject = {};
  for (const name of Object.keys(value)) {
    const element = fieldElement(name);
    if (hasMember(removed, element)) continue;
    const below = removed[element];
    const child = value[name] ?? null;
    const inner = childStructure(structure, name);
    const rest = below === undefined ? child : removeFrom(child, below, inner, emptied);
    if (rest === undefined) emptied.push({ parent: result, name });
    setOwn(result, name, rest ?? null);
  }
  return Object.keys(result).length === 0 ? undefined : result;
}

function removeItems(
  list: readonly Json[],
  removed: Fields,
  structure: Structure & { readonly kind: "set" | "keyed" },
  emptied: Emptied[],
): Json[] | undefined {
  const items: Structure = structure.kind === "keyed" ? structure.items : { kind: "leaf" };
  const result: Json[] = [];
  for (const item of list) {
    const element = itemElement(structure, item);
    if (element !== undefined && hasMember(removed, element)) continue;
    const below = element === undefined ? undefined : removed[element];
    // An item cannot vanish with its last field: it is not a member of the set.
    result.push(below === undefined ? item : (removeFrom(item, below, items, emptied) ?? {}));
  }
  return result.length === 0 ? undefined : result;
}
