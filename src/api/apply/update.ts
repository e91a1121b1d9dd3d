import { equalJson } from "#api/json-value.ts";
import { childObject, type Json, type JsonObject } from "#api/object.ts";
import type { TypeTable } from "#api/schema/type-table.ts";
import { compareObjects, type Comparison } from "./compare.ts";
import { difference, recursiveDifference, union, type Fields } from "./field-set.ts";
import {
  capUpdates,
  decodeManaged,
  encodeManaged,
  identityOf,
  isReset,
  managedOf,
  type Managed,
  type ManagedEntry,
} from "./managed-fields.ts";
import { rootStructure } from "./structure.ts";

/** A write that is not an apply: create, update or patch. */
export interface TrackedUpdate {
  /** What is stored; undefined on create. Not changed. */
  readonly live: JsonObject | undefined;
  /** What is to be stored. One request owns it; its `metadata.managedFields` is set. */
  readonly next: JsonObject;
  /** The field manager; see {@link managerOf}. */
  readonly manager: string;
  /** Empty for the object itself. */
  readonly subresource: string;
  /** RFC 3339 with seconds. */
  readonly now: string;
  /** The type of both objects, in the table. */
  readonly type: string;
  readonly table: TypeTable;
  /** Of the request, as in `apps/v1`. */
  readonly apiVersion: string;
  /** What this endpoint does not write and so nobody comes to own by it, e.g. `f:status`. */
  readonly resetFields?: Fields | undefined;
}

/**
 * Records in `next` who owns what after this write, and returns it: the manager comes to own what
 * it changed, all others lose it, and what is gone is owned by nobody. An object that has no
 * managers is tracked from its creation only. Upstream: managedfields `FieldManager.Update`.
 */
export function trackUpdate(update: TrackedUpdate): JsonObject {
  const { live, next } = update;
  const managed = managersBefore(update);
  setManaged(next, new Map());
  if (managed.size === 0 && live !== undefined) return next;
  recordUpdate(update, managed);
  capUpdates(managed);
  setManaged(next, managed);
  return next;
}

/** Those that the request has sent, if they can be read, or else those of the stored object. */
function managersBefore({ live, next, subresource }: TrackedUpdate): Managed {
  if (subresource !== "") return managedOf(live);
  const sent = childObject(next, "metadata")?.["managedFields"];
  if (isReset(sent)) return new Map();
  if (!Array.isArray(sent)) return managedOf(live);
  const stored = childObject(live, "metadata")?.["managedFields"];
  if (equalJson(sent, stored)) return managedOf(live);
  const decoded = decodeManaged(sent, false);
  return decoded === undefined || decoded.size === 0 ? managedOf(live) : decoded;
}

/** Changes `managed` by what the update changed. */
export function recordUpdate(
  update: Omit<TrackedUpdate, "next"> & { readonly next: JsonObject },
  managed: Managed,
): void {
  const { live, next, manager, apiVersion, subresource, now } = update;
  const structure = rootStructure(update.table, update.type);
  const { changed, removed } = withoutReset(
    compareObjects(live, next, structure),
    update.resetFields,
  );
  if (changed !== undefined || removed !== undefined) takeFromAll(managed, { changed, removed });
  if (changed === undefined) return;
  const entry = {
    manager: manager === "" ? "unknown" : manager,
    operation: "Update",
    apiVersion,
    subresource,
  } as const;
  const identity = identityOf(entry);
  const fields = union(managed.get(identity)?.fields, changed) ?? changed;
  managed.set(identity, { ...entry, time: now, fields });
}

/** The comparison without what the endpoint does not write. */
export function withoutReset(comparison: Comparison, resetFields: Fields | undefined): Comparison {
  if (resetFields === undefined) return comparison;
  return {
    changed: recursiveDifference(comparison.changed, resetFields),
    removed: recursiveDifference(comparison.removed, resetFields),
  };
}

/** Takes the fields from everyone, and drops who is left with nothing. `except` keeps its own. */
export function takeFromAll(managed: Managed, taken: Comparison, except?: string): void {
  for (const [identity, entry] of managed) {
    if (identity === except) continue;
    const fields = difference(difference(entry.fields, taken.changed), taken.removed);
    if (fields === undefined) managed.delete(identity);
    else if (fields !== entry.fields) managed.set(identity, { ...entry, fields });
  }
}

/** Writes `metadata.managedFields`; no entries, no field. */
export function setManaged(object: JsonObject, managed: ReadonlyMap<string, ManagedEntry>): void {
  const metadata = childObject(object, "metadata");
  if (managed.size > 0) {
    const list: Json = encodeManaged(new Map(managed));
    if (metadata === undefined) object["metadata"] = { managedFields: list };
    else metadata["managedFields"] = list;
  } else if (metadata?.["managedFields"] !== undefined) {
    delete metadata["managedFields"];
  }
}

/** Bytes of a manager's name. */
const managerLengthMax = 128;

/** The field manager of a request: the given one, or the product in front of the User-Agent. */
export function managerOf(fieldManager: string | undefined, userAgent: string): string {
  if (fieldManager !== undefined && fieldManager !== "") return fieldManager;
  return managerFromUserAgent(userAgent);
}

/** `kubectl/v1.32 (linux/amd64) …` is `kubectl`: what precedes the slash, printable and cut. */
export function managerFromUserAgent(userAgent: string): string {
  let manager = "";
  let bytes = 0;
  for (const character of userAgent.split("/", 1).join("")) {
    if (!/^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u.test(character)) continue;
    bytes += utf8Length(character);
    if (bytes > managerLengthMax) break;
    manager += character;
  }
  return manager;
}

function utf8Length(character: string): number {
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x80) return 1;
  if (code < 0x800) return 2;
  return code < 0x10000 ? 3 : 4;
}
