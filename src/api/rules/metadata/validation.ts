import type { FieldError } from "#api/field.ts";
import type { ObjectMeta, OwnerReference } from "#api/gen/types.ts";
import { dns1123LabelFaults, qualifiedNameFaults } from "#api/names.ts";
import type { JsonObject } from "#api/object.ts";
import type { Resource } from "#api/resource.ts";
import { semanticEqual } from "#api/rules/equality.ts";
import { Faults } from "#api/rules/faults.ts";
import { checkAnnotations, checkLabels } from "#api/rules/labels/validation.ts";
import type { Loose } from "#api/rules/rules.ts";
import { nameFaults, namePrefixFaults } from "./names.ts";

/**
 * All faults of the metadata of a new object, whose name has been generated where it was asked for.
 * Upstream: apimachinery `pkg/api/validation/objectmeta.go`.
 */
export function validateObjectMeta(resource: Resource, object: JsonObject): FieldError[] {
  const meta = metadataOf(object);
  const at = new Faults();
  at.enter("metadata");
  const prefix = meta.generateName ?? "";
  if (prefix !== "") at.invalidAll("generateName", prefix, namePrefixFaults(resource, prefix));
  const name = meta.name ?? "";
  if (name === "") at.required("name", "name or generateName is required");
  else at.invalidAll("name", name, nameFaults(resource, name));
  checkNamespace(resource, meta.namespace ?? "", at);
  at.nonNegative("generation", meta.generation);
  checkCommon(meta, at);
  checkFinalizers(meta.finalizers ?? [], at);
  at.leave();
  return at.errors;
}

const immutable = [
  "name",
  "namespace",
  "uid",
  "creationTimestamp",
  "deletionTimestamp",
  "deletionGracePeriodSeconds",
] as const;

/** All faults of a change of metadata. `next` carries the resourceVersion it is based on. */
export function validateObjectMetaUpdate(next: JsonObject, previous: JsonObject): FieldError[] {
  const [meta, old] = [metadataOf(next), metadataOf(previous)];
  const at = new Faults();
  at.enter("metadata");
  if (old.deletionTimestamp !== undefined) checkNoNewFinalizers(meta, old, at);
  if ((meta.resourceVersion ?? "") === "") {
    at.invalid("resourceVersion", 0, "must be specified for an update");
  }
  if ((meta.generation ?? 0) < (old.generation ?? 0)) {
    at.invalid("generation", meta.generation ?? 0, "must not be decremented");
  }
  for (const key of immutable) {
    if (!semanticEqual(meta[key], old[key]))
      at.invalid(key, meta[key] ?? null, "field is immutable");
  }
  checkCommon(meta, at);
  for (const [i, finalizer] of (meta.finalizers ?? []).entries()) {
    checkKnownFinalizer(finalizer, `finalizers[${i}]`, at);
  }
  at.leave();
  return at.errors;
}

function metadataOf(object: JsonObject): Loose<ObjectMeta> {
  const metadata: unknown = object["metadata"] ?? {};
  return metadata as Loose<ObjectMeta>;
}

function checkNamespace(resource: Resource, namespace: string, at: Faults): void {
  if (!resource.namespaced) {
    if (namespace !== "") at.forbidden("namespace", "not allowed on this type");
  } else if (namespace === "") {
    at.required("namespace");
  } else {
    at.invalidAll("namespace", namespace, dns1123LabelFaults(namespace));
  }
}

function checkCommon(meta: Loose<ObjectMeta>, at: Faults): void {
  checkLabels("labels", meta.labels, at);
  checkAnnotations("annotations", meta.annotations, at);
  if (meta.ownerReferences !== undefined) checkOwners(meta.ownerReferences, at);
  for (const [i, entry] of (meta.managedFields ?? []).entries()) {
    at.enter("managedFields", i);
    if (entry.operation !== "Apply" && entry.operation !== "Update") {
      at.invalid("operation", entry.operation ?? "", "must be `Apply` or `Update`");
    }
    if (entry.fieldsType !== undefined && entry.fieldsType !== "FieldsV1") {
      at.invalid("fieldsType", entry.fieldsType, "must be `FieldsV1`");
    }
    if ((entry.manager ?? "").length > 128) at.tooLong("manager", 128);
    at.leave();
  }
}

function checkOwners(owners: readonly Loose<OwnerReference>[], at: Faults): void {
  let controller = "";
  for (const owner of owners) {
    checkOwner(owner, at);
    if (owner.controller !== true) continue;
    const current = `${owner.kind ?? ""}/${owner.name ?? ""}`;
    if (controller !== "") {
      const detail = `Only one reference can have Controller set to true. Found "true" in references for ${controller} and ${current}`;
      at.invalid("ownerReferences", owners, detail);
    }
    controller = current;
  }
}

function checkOwner(owner: Loose<OwnerReference>, at: Faults): void {
  at.enter("ownerReferences");
  const apiVersion = owner.apiVersion ?? "";
  const version = apiVersion.slice(apiVersion.indexOf("/") + 1);
  if (version === "") at.invalid("apiVersion", apiVersion, "version must not be empty");
  for (const key of ["kind", "name", "uid"] as const) {
    if ((owner[key] ?? "") === "") at.invalid(key, "", "must not be empty");
  }
  if (owner.apiVersion === "v1" && owner.kind === "Event") {
    at.invalid("", owner, "/v1, Kind=Event is disallowed from being an owner");
  }
  at.leave();
}

function checkFinalizers(finalizers: readonly string[], at: Faults): void {
  for (const [i, finalizer] of finalizers.entries()) {
    at.invalidAll("finalizers", finalizer, qualifiedNameFaults(finalizer));
    checkKnownFinalizer(finalizer, `finalizers[${i}]`, at);
  }
  if (finalizers.includes("orphan") && finalizers.includes("foregroundDeletion")) {
    const detail = "finalizer orphan and foregroundDeletion cannot be both set";
    at.invalid("finalizers", finalizers, detail);
  }
}

const standardFinalizers = new Set(["kubernetes", "orphan", "foregroundDeletion"]);

/** A finalizer without a domain must be one of the standard ones. */
export function checkKnownFinalizer(finalizer: string, name: string, at: Faults): void {
  if (finalizer.includes("/") || standardFinalizers.has(finalizer)) return;
  const detail = "name is neither a standard finalizer name nor is it fully qualified";
  at.invalid(name, finalizer, detail);
}

function checkNoNewFinalizers(meta: Loose<ObjectMeta>, old: Loose<ObjectMeta>, at: Faults): void {
  const before = new Set(old.finalizers ?? []);
  const added = (meta.finalizers ?? []).filter((it) => !before.has(it));
  if (added.length === 0) return;
  const list = [...new Set(added)].sort().map((it) => JSON.stringify(it));
  const detail = `no new finalizers can be added if the object is being deleted, found new finalizers []string{${list.join(", ")}}`;
  at.forbidden("finalizers", detail);
}
