import type { JsonObject } from "#api/object.ts";
import { difference, intersection, union, type Fields } from "./field-set.ts";
import type { Managed } from "./managed-fields.ts";
import { removeFields } from "./remove.ts";
import type { Structure } from "./structure.ts";
import { toFullSet, withNamedFields } from "./to-field-set.ts";

/** Who owned what before an apply, and who does after it. */
export interface Ownership {
  /** What the applier owned before. */
  readonly last: Fields | undefined;
  /** What it applies, including the fields that nobody comes to own. */
  readonly applied: Fields | undefined;
  /** What everybody owns, the applier's new fields included. */
  readonly managed: Managed;
}

/**
 * The merged object without what its applier owned before and does not apply any more, except what
 * somebody else owns too. Upstream: structured-merge-diff `merge/update.go`, `prune`.
 */
export function pruneObject(
  merged: JsonObject,
  structure: Structure,
  { last, applied, managed }: Ownership,
): JsonObject {
  if (last === undefined) return merged;
  const named = (set: Fields | undefined): Fields | undefined => withNamedFields(set, structure);
  const fieldsOf = (object: JsonObject): Fields | undefined => named(toFullSet(object, structure));
  const mergedFields = fieldsOf(merged);

  const stripped = removeFields(merged, named(last), structure, "everything");
  let owned = applied;
  for (const entry of managed.values()) owned = union(owned, entry.fields);
  const unowned = difference(mergedFields, union(fieldsOf(stripped), named(owned)));
  const pruned = removeFields(merged, unowned, structure, "everything");

  // Only what the applier had may go: what else lies below belongs to nobody it knows of.
  const gone = difference(mergedFields, fieldsOf(pruned));
  return removeFields(merged, intersection(gone, named(last)), structure, owned);
}
