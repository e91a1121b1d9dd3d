import { equalJson, removeOwn } from "#api/json-value.ts";
import { childObject, childString, isJsonObject, type Json, type JsonObject } from "#api/object.ts";
import type { TypeTable } from "#api/schema/type-table.ts";
import { badRequest } from "#api/status.ts";
import { compareObjects } from "./compare.ts";
import { applyConflict, type FieldConflict } from "./conflict.ts";
import {
  difference,
  intersection,
  pathTexts,
  recursiveDifference,
  type Fields,
} from "./field-set.ts";
import { identityOf, managedOf, type Managed, type ManagedEntry } from "./managed-fields.ts";
import { mergeObjects } from "./merge.ts";
import { pruneObject } from "./prune.ts";
import { rootStructure, type Structure } from "./structure.ts";
import { configurationErrors, toFieldSet, toFullSet } from "./to-field-set.ts";
import { recordUpdate, setManaged, takeFromAll, withoutReset } from "./update.ts";

/** A server-side apply. */
export interface ApplyRequest {
  /** What is stored; undefined when the apply creates it. Not changed. */
  readonly live: JsonObject | undefined;
  /** The configuration, decoded. Not changed. */
  readonly patch: JsonObject;
  /** Required of the client. */
  readonly manager: string;
  /** Takes fields from other managers instead of failing. */
  readonly force: boolean;
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

/** The manager of what an object held when it was first applied to. */
const beforeFirstApply = "before-first-apply";
const lastAppliedAnnotation = "kubectl.kubernetes.io/last-applied-configuration";
/** Bytes of all annotations, beyond which the one above is dropped. */
const annotationBytesMax = 256 * 1024;

/**
 * The stored object with a configuration applied, its `managedFields` up to date; defaults and
 * validation come afterwards. The result shares nothing that the caller may change with the
 * arguments. An apply that changes nothing returns an object equal to the stored one. Upstream:
 * managedfields `FieldManager.Apply` and structured-merge-diff `merge/update.go`.
 *
 * @throws {StatusError} 409 with one cause per field when other managers own fields that would
 * change and `force` is not set; 400 when the configuration carries managedFields, is of another
 * version or does not fit the type.
 */
export function applyPatch(request: ApplyRequest): JsonObject {
  checkPatch(request);
  const managed = managersBefore(request);
  try {
    return finish(request, apply(request, managed, request.force));
  } catch (error) {
    if (!(error instanceof Conflicts) || request.manager !== "kubectl") throw told(error);
    const rest = withoutLastApplied(request, error.conflicts);
    if (rest.length > 0) throw applyConflict(rest);
    return finish(request, apply(request, managed, true));
  }
}

/** Conflicts before it is known whether they count. */
class Conflicts extends Error {
  override readonly name = "Conflicts";
  readonly conflicts: readonly FieldConflict[];

  constructor(conflicts: readonly FieldConflict[]) {
    super("apply conflicts");
    this.conflicts = conflicts;
  }
}

function told(error: unknown): unknown {
  return error instanceof Conflicts ? applyConflict(error.conflicts) : error;
}

function checkPatch({ patch, apiVersion, table, type }: ApplyRequest): void {
  if (patch["apiVersion"] !== apiVersion) {
    const version = childString(patch, "apiVersion") ?? "";
    const shown = version.includes("/") ? version : `/${version}`;
    throw badRequest(`invalid object type: ${shown}, Kind=${childString(patch, "kind") ?? ""}`);
  }
  const metadata = childObject(patch, "metadata");
  if ((metadata?.["managedFields"] ?? null) !== null) {
    throw badRequest("metadata.managedFields must be nil");
  }
  const errors = configurationErrors(patch, rootStructure(table, type));
  if (errors.length > 0) {
    const list = errors.length === 1 ? errors.join("") : ["errors:", ...errors].join("\n  ");
    throw badRequest(
      `failed to create typed patch object (${childString(metadata, "namespace") ?? ""}/${childString(metadata, "name") ?? ""}; ${apiVersion}, Kind=${childString(patch, "kind") ?? ""}): ${list}`,
    );
  }
}

/** Who owns what before; someone must own what an object holds that nobody has applied to. */
function managersBefore(request: ApplyRequest): Managed {
  const { live } = request;
  const managed = managedOf(live);
  if (managed.size > 0 || live === undefined) return managed;
  recordUpdate({ ...request, live: undefined, next: live, manager: beforeFirstApply }, managed);
  return managed;
}

interface Applied {
  readonly object: JsonObject;
  readonly managed: Managed;
}

/** @throws {Conflicts} unless `force`. */
function apply(request: ApplyRequest, before: Managed, force: boolean): Applied {
  const { patch, manager, apiVersion, subresource, now } = request;
  const structure = rootStructure(request.table, request.type);
  const managed: Managed = new Map(before);
  const entry = {
    manager: manager === "" ? "unknown" : manager,
    operation: "Apply",
    apiVersion,
    subresource,
  } as const;
  const identity = identityOf(entry);
  const last = before.get(identity);
  const fields = recursiveDifference(toFieldSet(patch, structure), request.resetFields);
  if (fields === undefined) managed.delete(identity);
  else managed.set(identity, { ...entry, time: now, fields });

  const live = request.live ?? {};
  const merged = mergeObjects(withoutManagedFields(live), patch, structure);
  const applied = toFullSet(patch, structure);
  const { object, emptied } = pruneObject(merged, structure, {
    last: last?.fields,
    applied,
    managed,
  });
  const comparison = withoutReset(compareObjects(live, object, structure), request.resetFields);
  if (!force) throwOnConflicts(managed, comparison.changed, identity);
  takeFromAll(managed, comparison, identity);
  for (const { parent, name } of emptied) removeOwn(parent, name);
  keepTime(
    managed,
    identity,
    last,
    comparison.changed === undefined && comparison.removed === undefined,
  );
  return { object, managed };
}

function withoutManagedFields(object: JsonObject): JsonObject {
  const metadata = childObject(object, "metadata");
  if (metadata === undefined) return object;
  return { ...object, metadata: without(metadata, "managedFields") };
}

function without(object: JsonObject, key: string): JsonObject {
  const rest = { ...object };
  removeOwn(rest, key);
  return rest;
}

/** An apply that changes neither the object nor what its manager owns leaves the time as it was. */
function keepTime(
  managed: Managed,
  identity: string,
  last: ManagedEntry | undefined,
  isSame: boolean,
): void {
  const entry = managed.get(identity);
  if (entry === undefined || last === undefined || !isSame) return;
  if (!equalJson(entry.fields, last.fields)) return;
  managed.set(identity, { ...entry, time: last.time });
}

function throwOnConflicts(managed: Managed, changed: Fields | undefined, identity: string): void {
  const conflicts: FieldConflict[] = [];
  for (const key of [...managed.keys()].sort()) {
    const owner = managed.get(key);
    if (key === identity || owner === undefined) continue;
    const fields = intersection(owner.fields, changed);
    for (const path of pathTexts(fields)) conflicts.push({ owner, path });
  }
  if (conflicts.length > 0) throw new Conflicts(conflicts);
}

function finish(request: ApplyRequest, { object, managed }: Applied): JsonObject {
  setManaged(object, managed);
  const annotations = childObject(childObject(object, "metadata"), "annotations");
  const hasLastApplied = (childString(annotations, lastAppliedAnnotation) ?? "") !== "";
  if (request.manager === "kubectl" && annotations !== undefined && hasLastApplied) {
    updateLastApplied(annotations, request.patch);
  }
  return object;
}

/** Clients that still apply on their side go by the annotation, so kubectl's apply keeps it true. */
function updateLastApplied(annotations: JsonObject, patch: JsonObject): void {
  const metadata = childObject(patch, "metadata") ?? {};
  const given = childObject(metadata, "annotations");
  let configuration = patch;
  if (given !== undefined && Object.hasOwn(given, lastAppliedAnnotation)) {
    const rest = without(given, lastAppliedAnnotation);
    configuration = { ...patch, metadata: { ...metadata, annotations: rest } };
  }
  annotations[lastAppliedAnnotation] = `${JSON.stringify(configuration)}\n`;
  const sizes = Object.entries(annotations).map(
    ([key, value]) => key.length + (typeof value === "string" ? value.length : 0),
  );
  if (sizes.reduce((sum, it) => sum + it, 0) > annotationBytesMax) {
    removeOwn(annotations, lastAppliedAnnotation);
  }
}

/**
 * The conflicts that remain when kubectl takes over what it has applied on its side: fields of the
 * last applied configuration that still have the value it gave them are its own.
 */
function withoutLastApplied(
  request: ApplyRequest,
  conflicts: readonly FieldConflict[],
): readonly FieldConflict[] {
  const structure = rootStructure(request.table, request.type);
  const own = new Set(pathTexts(lastAppliedFields(request, structure)));
  return conflicts.filter((it) => !own.has(it.path));
}

function lastAppliedFields(request: ApplyRequest, structure: Structure): Fields | undefined {
  const { live } = request;
  const annotations = childObject(childObject(live, "metadata"), "annotations");
  const configuration = parseObject(childString(annotations, lastAppliedAnnotation) ?? "");
  if (live === undefined || configuration?.["apiVersion"] !== request.apiVersion) return undefined;
  const { changed, removed } = compareObjects(configuration, live, structure);
  return difference(difference(toFieldSet(configuration, structure), changed), removed);
}

function parseObject(text: string): JsonObject | undefined {
  try {
    const value = JSON.parse(text) as Json;
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
