import {
  childList,
  childObject,
  ensureObject,
  isJsonObject,
  type JsonObject,
} from "#api/object.ts";
import { badRequest } from "#api/status.ts";
import type { Kind, WriteTarget } from "./kind.ts";

/** `metadata` of an object; empty when it has none. */
export function metadataOf(object: JsonObject): JsonObject {
  const metadata = object["metadata"];
  return isJsonObject(metadata) ? metadata : {};
}

/** The object's name; empty when it has none yet. */
export function nameOf(object: JsonObject): string {
  const { name } = metadataOf(object);
  return typeof name === "string" ? name : "";
}

/** Sets a field of the metadata, or takes it away. */
export function setMetadata(object: JsonObject, key: string, value: JsonObject[string]): void {
  const metadata = ensureObject(object, "metadata");
  if (value === undefined) Reflect.deleteProperty(metadata, key);
  else metadata[key] = value;
}

/** The finalizers, texts only. */
export function finalizersOf(object: JsonObject): string[] {
  const list = metadataOf(object)["finalizers"];
  return Array.isArray(list) ? list.filter((it) => typeof it === "string") : [];
}

export function isDeleting(object: JsonObject): boolean {
  return typeof metadataOf(object)["deletionTimestamp"] === "string";
}

/**
 * Makes the object's namespace and name those of the URL, where it leaves them out.
 * @throws {StatusError} 400 when it says otherwise.
 */
export function placeObject(target: WriteTarget, object: JsonObject): void {
  const metadata = ensureObject(object, "metadata");
  const { namespace = "", name = "" } = metadata;
  if (target.kind.resource.namespaced) {
    if (namespace === "") metadata["namespace"] = target.namespace;
    else if (namespace !== target.namespace) {
      throw badRequest(
        `the namespace of the provided object does not match the namespace sent on the request`,
      );
    }
  } else if (namespace === "") {
    Reflect.deleteProperty(metadata, "namespace");
  }
  if (target.name === "") return;
  if (name === "") metadata["name"] = target.name;
  else if (name !== target.name) {
    throw badRequest(
      `the name of the object (${typeof name === "string" ? name : ""}) does not match the name on the URL (${target.name})`,
    );
  }
}

/** Fields of new metadata that only the server sets. Upstream: `rest.FillObjectMetaSystemFields`. */
export function fillNewMetadata(
  object: JsonObject,
  it: { readonly uid: string; readonly now: string },
): void {
  const metadata = ensureObject(object, "metadata");
  metadata["creationTimestamp"] = it.now;
  metadata["uid"] = it.uid;
  for (const key of ["deletionTimestamp", "deletionGracePeriodSeconds", "selfLink"]) {
    Reflect.deleteProperty(metadata, key);
  }
}

/**
 * Takes over what an update leaves out and may not change. Upstream:
 * `ValidateObjectMetaAccessorUpdate` and `rest.BeforeUpdate`.
 */
export function keepServerMetadata(next: JsonObject, previous: JsonObject): void {
  const metadata = ensureObject(next, "metadata");
  const before = metadataOf(previous);
  for (const key of ["uid", "creationTimestamp"]) {
    const value = metadata[key];
    if ((value === undefined || value === "") && before[key] !== undefined) {
      metadata[key] = before[key];
    }
  }
  for (const key of ["deletionTimestamp", "deletionGracePeriodSeconds"]) {
    const value = before[key];
    if (value !== undefined && metadata[key] === undefined) metadata[key] = value;
  }
  Reflect.deleteProperty(metadata, "selfLink");
}

/** Namespaces have a second list of finalizers and a phase, both tied to their end. */
export function isNamespace(kind: Kind): boolean {
  return kind.resource.storageKey === "core/namespaces";
}

/** `spec.finalizers` of a namespace: it goes when they are done. */
export function namespaceFinalizers(object: JsonObject): readonly unknown[] {
  return childList(childObject(object, "spec"), "finalizers");
}
