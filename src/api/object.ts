/** Any JSON value. Numbers are those that JavaScript holds exactly; see `decode.ts`. */
export type Json = null | boolean | number | string | Json[] | JsonObject;

/**
 * A decoded object as the API server holds it while it writes: mutable, owned by one request.
 * Keys chosen by users live in it too, so it is made by the decoder, without a prototype trap.
 */
export interface JsonObject {
  [key: string]: Json | undefined;
}

export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean | undefined;
  readonly blockOwnerDeletion?: boolean | undefined;
}

/** The metadata of a stored object, in the fields that generic code reads. Times are RFC 3339. */
export interface Metadata {
  readonly name?: string | undefined;
  readonly generateName?: string | undefined;
  readonly namespace?: string | undefined;
  readonly uid?: string | undefined;
  readonly resourceVersion?: string | undefined;
  readonly generation?: number | undefined;
  readonly creationTimestamp?: string | undefined;
  readonly deletionTimestamp?: string | undefined;
  readonly deletionGracePeriodSeconds?: number | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  readonly finalizers?: readonly string[] | undefined;
  readonly ownerReferences?: readonly OwnerReference[] | undefined;
}

/** Any object of the API, for code that needs only its type and metadata. */
export interface KubernetesObject {
  readonly apiVersion?: string | undefined;
  readonly kind?: string | undefined;
  readonly metadata?: Metadata | undefined;
}

/** True for a JSON object: not null, not a list. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The object at `key`, or undefined when it is absent or not an object. */
export function childObject(parent: JsonObject | undefined, key: string): JsonObject | undefined {
  const child = parent?.[key];
  return isJsonObject(child) ? child : undefined;
}

/** The object at `key`, created empty when it is absent. For mutable objects of one request. */
export function ensureObject(parent: JsonObject, key: string): JsonObject {
  const child = childObject(parent, key);
  if (child !== undefined) return child;
  const created: JsonObject = {};
  parent[key] = created;
  return created;
}

/** The string at `key`, or undefined when it is absent or not a string. */
export function childString(parent: JsonObject | undefined, key: string): string | undefined {
  const child = parent?.[key];
  return typeof child === "string" ? child : undefined;
}

/** The list at `key`, or an empty one when it is absent or not a list. */
export function childList(parent: JsonObject | undefined, key: string): Json[] {
  const child = parent?.[key];
  return Array.isArray(child) ? child : [];
}
