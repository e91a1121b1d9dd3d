import { setOwn } from "#api/json-value.ts";
import { isJsonObject, type Json, type JsonObject } from "#api/object.ts";
import { fieldElement } from "./element.ts";
import { hasMember, leaf, type Fields } from "./field-set.ts";
import { itemElement, type Structure } from "./structure.ts";
import { childStructure } from "./to-field-set.ts";

/** Stands for a set of all paths. */
export type Kept = Fields | "everything" | undefined;

/**
 * The object without the fields, keys and items that are members of the set, whatever they contain.
 * A map, struct or list that loses all it had goes as well, unless it is itself a member of `kept`:
 * then it stays, empty, or null where everything is kept. The result may share values with
 * `object`. Upstream: `typed/remove.go`, which always leaves null.
 */
export function removeFields(
  object: JsonObject,
  removed: Fields | undefined,
  structure: Structure,
  kept: Kept,
): JsonObject {
  if (removed === undefined) return object;
  return removeChildren(object, { removed, kept, structure }) ?? {};
}

/** What is known of the value at hand. */
interface Place {
  readonly removed: Fields;
  readonly kept: Kept;
  readonly structure: Structure;
}

/** What is left of a value; undefined when nothing is. */
function removeFrom(value: Json, place: Place): Json | undefined {
  const { structure } = place;
  if (structure.kind === "leaf") return value;
  if (Array.isArray(value)) {
    const isLooked = structure.kind === "set" || structure.kind === "keyed";
    return isLooked ? removeItems(value, structure, place) : value;
  }
  return isJsonObject(value) ? removeChildren(value, place) : value;
}

function removeChildren(value: JsonObject, place: Place): JsonObject | undefined {
  const { removed, kept, structure } = place;
  const result: JsonObject = {};
  let isEmpty = true;
  for (const name of Object.keys(value)) {
    const element = fieldElement(name);
    if (hasMember(removed, element)) continue;
    const below = removed[element];
    let rest = value[name];
    if (below !== undefined && rest !== undefined) {
      const inner = {
        removed: below,
        kept: keptBelow(kept, element),
        structure: childStructure(structure, name),
      };
      rest = removeFrom(rest, inner) ?? emptied(rest, kept, element);
    }
    if (rest === undefined) continue;
    setOwn(result, name, rest);
    isEmpty = false;
  }
  return isEmpty ? undefined : result;
}

/** What stands for a value that lost all it had. */
function emptied(value: Json, kept: Kept, element: string): Json | undefined {
  if (kept === "everything") return null;
  if (kept === undefined || !hasMember(kept, element)) return undefined;
  return Array.isArray(value) ? [] : {};
}

function keptBelow(kept: Kept, element: string): Kept {
  return kept === "everything" ? kept : kept?.[element];
}

function removeItems(
  list: readonly Json[],
  structure: Structure & { readonly kind: "set" | "keyed" },
  { removed, kept }: Place,
): Json[] | undefined {
  const items: Structure = structure.kind === "keyed" ? structure.items : { kind: "leaf" };
  const result: Json[] = [];
  for (const item of list) {
    const element = itemElement(structure, item);
    if (element !== undefined && hasMember(removed, element)) continue;
    const below = element === undefined ? undefined : removed[element];
    const inner = {
      removed: below ?? leaf,
      kept: element === undefined ? undefined : keptBelow(kept, element),
      structure: items,
    };
    // An item cannot vanish with its last field: it is not a member of the set.
    result.push(below === undefined ? item : (removeFrom(item, inner) ?? {}));
  }
  return result.length === 0 ? undefined : result;
}
