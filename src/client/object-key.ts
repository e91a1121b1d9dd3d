import { assert } from "#base/assert.ts";
import type { KubernetesObject } from "#api/object.ts";

/** Name of an object that the server has stored. @throws {AssertionError} when it has none. */
export function nameOf(object: KubernetesObject): string {
  const name = object.metadata?.name;
  assert(name !== undefined, "a stored object has a name");
  return name;
}

/** Namespace, or "" for cluster-scoped objects. */
export function namespaceOf(object: KubernetesObject): string {
  return object.metadata?.namespace ?? "";
}

export function uidOf(object: KubernetesObject): string {
  return object.metadata?.uid ?? "";
}

/** `namespace/name`, or `name` for cluster-scoped objects: the key of caches and work queues. */
export function keyOf(object: KubernetesObject): string {
  return joinKey(namespaceOf(object), nameOf(object));
}

export function joinKey(namespace: string, name: string): string {
  return namespace === "" ? name : `${namespace}/${name}`;
}

/** The inverse of {@link joinKey}. */
export function splitKey(key: string): { readonly namespace: string; readonly name: string } {
  const slash = key.indexOf("/");
  if (slash < 0) return { namespace: "", name: key };
  return { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}

/** The owner that controls the object, if any. */
export function controllerOf(
  object: KubernetesObject,
): NonNullable<NonNullable<KubernetesObject["metadata"]>["ownerReferences"]>[number] | undefined {
  return object.metadata?.ownerReferences?.find((it) => it.controller === true);
}

export function isDeleting(object: KubernetesObject): boolean {
  return object.metadata?.deletionTimestamp !== undefined;
}
