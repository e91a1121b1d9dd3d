import type { JsonObject } from "./object.ts";

export type Verb =
  "create" | "get" | "list" | "watch" | "update" | "patch" | "delete" | "deletecollection";

/** A path below an object: `pods/{name}/log`. */
export interface Subresource {
  readonly name: string;
  readonly verbs: readonly Verb[];
  /** The kind that the path speaks, where it is not the resource's own (`Scale`, `Eviction`). */
  readonly group?: string;
  readonly version?: string;
  readonly kind?: string;
}

/**
 * One kind as the API server serves it. A kind is data: the built-in ones are listed in
 * `kinds/list.ts`, custom resources make theirs at run time, and no code asks which is which.
 */
export interface Resource {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  /** Path segment and name in messages, e.g. `deployments`. */
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly namespaced: boolean;
  readonly verbs: readonly Verb[];
  readonly subresources: readonly Subresource[];
  /** Name in the {@link TypeTable}. */
  readonly type: string;
  /**
   * Dotted paths that a field selector may name besides `metadata.name` and `metadata.namespace`.
   * Upstream: each kind's `selectableFields` and conversion functions.
   */
  readonly selectableFields: readonly string[];
  /**
   * Where the objects are kept: `<group or "core">/<plural>`. Two versions of one kind share it;
   * what is stored is the version named by `storageVersion`.
   */
  readonly storageKey: string;
  readonly storageVersion: { readonly group: string; readonly version: string };
}

/** `v1`, `apps/v1`: as objects carry it. */
export function apiVersionOf(it: { readonly group: string; readonly version: string }): string {
  return it.group === "" ? it.version : `${it.group}/${it.version}`;
}

/** The collection's path: `/api/v1/namespaces/default/pods`; all namespaces when undefined. */
export function collectionPath(resource: Resource, namespace: string | undefined): string {
  const root =
    resource.group === ""
      ? `/api/${resource.version}`
      : `/apis/${resource.group}/${resource.version}`;
  const scope = resource.namespaced && namespace !== undefined ? `/namespaces/${namespace}` : "";
  return `${root}${scope}/${resource.plural}`;
}

/** An object's path below its collection. */
export function objectPath(
  resource: Resource,
  namespace: string | undefined,
  name: string,
): string {
  return `${collectionPath(resource, namespace)}/${encodeURIComponent(name)}`;
}

/** Turns an object of one version of a kind into another; see `Resource.storageVersion`. */
export type Convert = (object: JsonObject) => JsonObject;
