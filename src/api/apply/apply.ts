import { equalJson, removeOwn, setOwn, sortedKeys } from "#api/json-value.ts";
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
    throw badRequest(`invalid object type: ${kindText(patch)}`);
  }
  const metadata = childObject(patch, "metadata");
  if ((metadata?.["managedFields"] ?? null) !== null) {
    throw badRequest("metadata.managedFields must be nil");
  }
  const errors = configurationErrors(patch, rootStructure(table, type));
  if (errors.length === 0) return;
  const list = errors.length === 1 ? errors.join("") : ["errors:", ...errors].join("\n  ");
  const namespace = childString(metadata, "namespace") ?? "";
  const name = childString(metadata, "name") ?? "";
  throw badRequest(
    `failed to create typed patch object (${namespace}/${name}; ${kindText(patch)}): ${list}`,
  );
}

/** As Go prints a group, version and kind: `apps/v1, Kind=Deployment`, `/v1, Kind=Pod`. */
function kindText(object: JsonObject): string {
  const version = childString(object, "apiVersion") ?? "";
  const kind = childString(object, "kind") ?? "";
  return `${version.includes("/") ? version : `/${version}`}, Kind=${kind}`;
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

  const live = withoutManagedFields(request.live ?? {});
  const merged = mergeObjects(live, patch, structure);
  const applied = toFullSet(patch, structure);
  const object = pruneObject(merged, structure, {
    last: last?.fields,
    applied,
    managed,
  });
  const comparison = withoutReset(compareObjects(live, object, structure), request.resetFields);
  if (!force) throwOnConflicts(managed, comparison.changed, identity);
  takeFromAll(managed, comparison, identity);
  if (equalJson(live, object)) keepTime(managed, identity, last);
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

/** The time of an entry is that of the last apply that changed the object; a first one has none. */
function keepTime(managed: Managed, identity: string, last: ManagedEntry | undefined): void {
  const entry = managed.get(identity);
  if (entry !== undefined) managed.set(identity, { ...entry, time: last?.time });
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
  annotations[lastAppliedAnnotation] = `${JSON.stringify(configuration, inKeyOrder)}\n`;
  const sizes = Object.entries(annotations).map(
    ([key, value]) => key.length + (typeof value === "string" ? value.length : 0),
  );
  if (sizes.reduce((sum, it) => sum + it, 0) > annotationBytesMax) {
    removeOwn(annotations, lastAppliedAnnotation);
  }
}

/** For JSON.stringify: objects with their keys in order, as Go writes maps. */
function inKeyOrder(_: string, value: Json): Json {
  if (!isJsonObject(value)) return value;
  const ordered: JsonObject = {};
  for (const key of sortedKeys(value)) setOwn(ordered, key, value[key] ?? null);
  return ordered;
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
