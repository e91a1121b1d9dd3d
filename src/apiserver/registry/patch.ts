import { applyJsonPatch } from "#api/patch/json-patch.ts";
import { applyMergePatch } from "#api/patch/merge-patch.ts";
import { applyStrategicMergePatch } from "#api/patch/strategic.ts";
import { removeOwn, setOwn } from "#api/json-value.ts";
import { isJsonObject, type Json, type JsonObject } from "#api/object.ts";
import { decodeJson, findDuplicateKeys } from "#api/schema/decode.ts";
import { removeEmptyLists } from "#api/schema/empty-lists.ts";
import type { TypeTable } from "#api/schema/type-table.ts";
import { textOf, unsupportedMediaType } from "./body.ts";

export const jsonPatchType = "application/json-patch+json";
export const mergePatchType = "application/merge-patch+json";
export const strategicPatchType = "application/strategic-merge-patch+json";
export const applyPatchType = "application/apply-patch+yaml";

/** Rounds against concurrent writers before a patch is the client's to repeat; as upstream. */
export const patchRoundsMax = 5;

/** A patch that was read and is ready to be applied, more than once if need be. */
export interface Patch {
  /** The patched copy. @throws {StatusError} 400, 422 */
  apply(object: JsonObject): JsonObject;
  /** Keys that occur twice in the patch. */
  readonly duplicates: readonly string[];
  /** Top-level fields that it changes at most; undefined where that is not known. */
  readonly fields: ReadonlySet<string> | undefined;
}

/**
 * Reads a patch other than server-side apply.
 * @param type name of the object's type in the table; strategic merge needs it.
 * @throws {StatusError} 400, 415
 */
export function readPatch(
  body: { readonly bytes: Uint8Array; readonly mediaType: string },
  type: string,
  types: TypeTable,
): Patch {
  const hasStrategic = types.has(type);
  const isKnown =
    body.mediaType === jsonPatchType ||
    body.mediaType === mergePatchType ||
    (body.mediaType === strategicPatchType && hasStrategic);
  if (!isKnown) {
    const strategic = hasStrategic ? [strategicPatchType] : [];
    throw unsupportedMediaType([jsonPatchType, mergePatchType, ...strategic, applyPatchType]);
  }
  const text = textOf(body.bytes);
  const patch: Json = decodeJson(text);
  if (body.mediaType === jsonPatchType) {
    return { apply: (object) => applyJsonPatch(object, patch), duplicates: [], fields: undefined };
  }
  const duplicates = findDuplicateKeys(text);
  const fields = fieldsOf(patch);
  if (body.mediaType === mergePatchType) {
    return { apply: (object) => applyMergePatch(object, patch), duplicates, fields };
  }
  return {
    apply: (object) => {
      const patched = applyStrategicMergePatch(object, patch, type, types);
      // Upstream's patch leaves them too, but its objects pass through Go's types.
      removeEmptyLists(patched, type, types);
      return patched;
    },
    duplicates,
    fields,
  };
}

/** A directive at the top may concern any field. */
function fieldsOf(patch: Json): ReadonlySet<string> | undefined {
  if (!isJsonObject(patch)) return undefined;
  const keys = Object.keys(patch);
  return keys.some((key) => key.startsWith("$")) ? undefined : new Set(keys);
}

/**
 * Applies the patch to those fields of an object that a status may be changed by: only they are
 * copied. The others are those of `object` itself.
 * @param finish what is still to be done to the fields that were patched.
 */
export function applyToStatus(
  patch: Patch,
  object: JsonObject,
  finish: (patched: JsonObject) => JsonObject,
): JsonObject {
  const { fields } = patch;
  const named: JsonObject = {};
  for (const [key, value] of Object.entries(object)) {
    const isNamed = fields === undefined || fields.has(key) || ownFields.has(key);
    if (isNamed && value !== undefined) setOwn(named, key, value);
  }
  const patched = finish(patch.apply(named));
  const next = { ...object, ...patched };
  for (const key of Object.keys(named)) if (!Object.hasOwn(patched, key)) removeOwn(next, key);
  return next;
}

/** Every write changes its own. */
const ownFields: ReadonlySet<string> = new Set(["kind", "apiVersion", "metadata", "status"]);
