import { childList, childString, isJsonObject, type Json, type JsonObject } from "#api/object.ts";
import { parseFields, union, type Fields } from "./field-set.ts";

/** One entry of `metadata.managedFields`: who owns what, by which kind of request. */
export interface ManagedEntry {
  readonly manager: string;
  readonly operation: "Apply" | "Update";
  readonly apiVersion: string;
  /** RFC 3339; undefined when it is not known. */
  readonly time: string | undefined;
  /** Empty for the object itself. */
  readonly subresource: string;
  readonly fields: Fields;
}

/** Entries by identity, see {@link identityOf}. */
export type Managed = Map<string, ManagedEntry>;

/** Entries of updates that an object keeps; the oldest ones beyond are merged into one. */
export const updateEntriesMax = 10;
const oldUpdates = "ancient-changes";

/**
 * What tells entries apart. An applier is the same whatever version it applies. It is JSON, as
 * upstream's is, since conflicts are reported in its order.
 */
export function identityOf(entry: Omit<ManagedEntry, "fields" | "time">): string {
  const { manager, operation, apiVersion, subresource } = entry;
  return JSON.stringify({
    ...(manager === "" ? {} : { manager }),
    operation,
    ...(operation === "Apply" ? {} : { apiVersion }),
    ...(subresource === "" ? {} : { subresource }),
  });
}

/**
 * Decodes `metadata.managedFields`; undefined when an entry is malformed. `isTrusted` says that
 * this server wrote them, so that their sets are used as they are.
 */
export function decodeManaged(list: readonly Json[], isTrusted: boolean): Managed | undefined {
  const managed: Managed = new Map();
  for (const item of list) {
    const entry = isJsonObject(item) ? decodeEntry(item, isTrusted) : undefined;
    if (entry === undefined) return undefined;
    if (entry !== "empty") managed.set(identityOf(entry), entry);
  }
  return managed;
}

function decodeEntry(item: JsonObject, isTrusted: boolean): ManagedEntry | "empty" | undefined {
  const operation = item["operation"];
  const apiVersion = childString(item, "apiVersion") ?? "";
  if (operation !== "Apply" && operation !== "Update") return undefined;
  if (apiVersion === "" || item["fieldsType"] !== "FieldsV1") return undefined;
  const fields = isTrusted ? trustedFields(item["fieldsV1"]) : parseFields(item["fieldsV1"]);
  if (fields === undefined) return "empty";
  return {
    manager: childString(item, "manager") ?? "",
    operation,
    apiVersion,
    time: childString(item, "time"),
    subresource: childString(item, "subresource") ?? "",
    fields,
  };
}

function trustedFields(json: Json | undefined): Fields | undefined {
  return isJsonObject(json) && Object.keys(json).length > 0 ? (json as Fields) : undefined;
}

/** The wire form, in upstream's order: appliers first, then by time, name, version, subresource. */
export function encodeManaged(managed: Managed): Json[] {
  const entries = [...managed.values()].sort(compareEntries);
  return entries.map((it) => ({
    ...(it.manager === "" ? {} : { manager: it.manager }),
    operation: it.operation,
    apiVersion: it.apiVersion,
    ...(it.time === undefined ? {} : { time: it.time }),
    fieldsType: "FieldsV1",
    fieldsV1: it.fields,
    ...(it.subresource === "" ? {} : { subresource: it.subresource }),
  }));
}

function compareEntries(a: ManagedEntry, b: ManagedEntry): number {
  return (
    compareTexts(a.operation, b.operation) ||
    compareTexts(a.time ?? "", b.time ?? "") ||
    compareTexts(a.manager, b.manager) ||
    compareTexts(a.apiVersion, b.apiVersion) ||
    compareTexts(a.subresource, b.subresource)
  );
}

function compareTexts(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

/** True for `[]` and `[{}]`, by which a client asks to forget who owns what. */
export function isReset(managedFields: Json | undefined): boolean {
  if (!Array.isArray(managedFields) || managedFields.length > 1) return false;
  const [only] = managedFields;
  return only === undefined || (isJsonObject(only) && Object.keys(only).length === 0);
}

/** The entries of an object that this server wrote. */
export function managedOf(object: JsonObject | undefined): Managed {
  const metadata = object?.["metadata"];
  const list = isJsonObject(metadata) ? childList(metadata, "managedFields") : [];
  return decodeManaged(list, true) ?? new Map<string, ManagedEntry>();
}

/**
 * Merges the oldest entries of updates into one per version until there are no more than
 * {@link updateEntriesMax}. Upstream: managedfields `capmanagers.go`.
 */
export function capUpdates(managed: Managed): void {
  const updates = [...managed].filter(([, it]) => it.operation === "Update");
  if (updates.length <= updateEntriesMax) return;
  updates.sort(
    ([left, a], [right, b]) =>
      compareTexts(a.time ?? "", b.time ?? "") || compareTexts(left, right),
  );
  const firstOf = new Map<string, string>();
  let count = updates.length;
  for (const [identity, entry] of updates) {
    if (count <= updateEntriesMax) return;
    const first = firstOf.get(entry.apiVersion);
    if (first === undefined) {
      firstOf.set(entry.apiVersion, identity);
      continue;
    }
    mergeIntoBucket(managed, identity, first);
    count--;
  }
}

function mergeIntoBucket(managed: Managed, identity: string, first: string): void {
  const entry = managed.get(identity);
  if (entry === undefined) return;
  const bucket = { manager: oldUpdates, operation: entry.operation, subresource: "" };
  const bucketIdentity = identityOf({ ...bucket, apiVersion: entry.apiVersion });
  const before = managed.get(bucketIdentity) ?? managed.get(first);
  if (!managed.has(bucketIdentity)) managed.delete(first);
  managed.delete(identity);
  const fields = union(entry.fields, before?.fields) ?? entry.fields;
  managed.set(bucketIdentity, {
    ...bucket,
    apiVersion: entry.apiVersion,
    time: entry.time,
    fields,
  });
}
