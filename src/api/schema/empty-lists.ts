import { removeOwn } from "#api/json-value.ts";
import { isJsonObject, type Json, type JsonObject } from "#api/object.ts";
import type { Shape, TypeTable } from "./type-table.ts";

/**
 * Takes empty lists out of an object of a type, in place, where Go's JSON leaves them out: what a
 * patch has emptied is as if it had never been there. Lists that Go writes even when empty stay, and so
 * do those of fields that the type does not know.
 */
export function removeEmptyLists(object: JsonObject, type: string, table: TypeTable): void {
  if (!table.has(type)) return;
  const { fields } = table.find(type);
  for (const key of Object.keys(object)) {
    const field = fields.get(key);
    const value = object[key];
    if (field === undefined || value === undefined) continue;
    const isEmptyList = Array.isArray(value) && value.length === 0;
    if (isEmptyList && field.omitEmpty && !field.pointer) removeOwn(object, key);
    else removeWithin(value, field.shape, table);
  }
}

function removeWithin(value: Json, shape: Shape, table: TypeTable): void {
  if (shape.kind === "object" && isJsonObject(value)) {
    removeEmptyLists(value, shape.type, table);
  } else if (shape.kind === "list" && Array.isArray(value)) {
    for (const item of value) removeWithin(item, shape.items, table);
  } else if (shape.kind === "map" && isJsonObject(value)) {
    for (const item of Object.values(value))
      if (item !== undefined) removeWithin(item, shape.values, table);
  }
}
