import type { DeleteOptions } from "#api/gen/types.ts";
import { apiVersionOf, collectionPath, objectPath, type Resource } from "#api/resource.ts";
import type { HttpRequest } from "./transport.ts";

/** Where an object is. `namespace` is required for namespaced kinds and absent for others. */
export interface ObjectAt {
  readonly namespace?: string | undefined;
  readonly name: string;
  /** `status`, `scale`, `binding`, … */
  readonly subresource?: string | undefined;
}

/** Which objects of a kind. */
export interface Selection {
  /** All namespaces when undefined. */
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
}

export interface ListOptions extends Selection {
  /** Objects per page; undefined: all at once. */
  readonly limit?: number | undefined;
  /** From `metadata.continue` of the page before. */
  readonly continueToken?: string | undefined;
  /** Undefined: the most recent; "0": anything the server has at hand. */
  readonly resourceVersion?: string | undefined;
  readonly resourceVersionMatch?: "Exact" | "NotOlderThan" | undefined;
  /** Ask for `PartialObjectMetadata` only. */
  readonly metadataOnly?: boolean | undefined;
}

export interface WatchOptions extends Selection {
  readonly resourceVersion?: string | undefined;
  /** Start with the present objects as ADDED events, ended by an annotated bookmark. */
  readonly sendInitialEvents?: boolean | undefined;
  /** Seconds after which the server ends the watch. */
  readonly timeoutSeconds?: number | undefined;
  readonly metadataOnly?: boolean | undefined;
}

export interface WriteOptions {
  readonly dryRun?: boolean | undefined;
  readonly fieldManager?: string | undefined;
  readonly fieldValidation?: "Ignore" | "Warn" | "Strict" | undefined;
}

export interface ApplyOptions extends WriteOptions {
  readonly fieldManager: string;
  /** Take over fields that another manager owns. */
  readonly force?: boolean | undefined;
}

export type PatchType = "json" | "merge" | "strategic" | "apply";

export interface Patch extends WriteOptions {
  readonly type: PatchType;
  readonly body: unknown;
  readonly force?: boolean | undefined;
}

const patchTypes: Readonly<Record<PatchType, string>> = {
  json: "application/json-patch+json",
  merge: "application/merge-patch+json",
  strategic: "application/strategic-merge-patch+json",
  apply: "application/apply-patch+yaml",
};

const metadataList =
  "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json";
const metadataObject =
  "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io,application/json";

type QueryValue = string | number | boolean | undefined;

export function listRequest(resource: Resource, options: ListOptions): HttpRequest {
  const path = withQuery(collectionPath(resource, options.namespace), {
    labelSelector: options.labelSelector,
    fieldSelector: options.fieldSelector,
    limit: options.limit,
    continue: options.continueToken,
    resourceVersion: options.resourceVersion,
    resourceVersionMatch: options.resourceVersionMatch,
  });
  const accept = options.metadataOnly === true ? metadataList : "application/json";
  return { method: "GET", path, headers: { accept } };
}

export function watchRequest(resource: Resource, options: WatchOptions): HttpRequest {
  const initial = options.sendInitialEvents === true;
  const path = withQuery(collectionPath(resource, options.namespace), {
    watch: true,
    allowWatchBookmarks: true,
    labelSelector: options.labelSelector,
    fieldSelector: options.fieldSelector,
    resourceVersion: options.resourceVersion,
    sendInitialEvents: initial ? true : undefined,
    resourceVersionMatch: initial ? "NotOlderThan" : undefined,
    timeoutSeconds: options.timeoutSeconds,
  });
  const accept = options.metadataOnly === true ? metadataObject : "application/json";
  return { method: "GET", path, headers: { accept } };
}

export function getRequest(resource: Resource, at: ObjectAt, metadataOnly = false): HttpRequest {
  const accept = metadataOnly ? metadataObject : "application/json";
  return { method: "GET", path: pathOf(resource, at), headers: { accept } };
}

/** POST to a collection, or to `at`'s subresource when `at` is given. */
export function createRequest(
  resource: Resource,
  where: { readonly namespace?: string | undefined } | ObjectAt,
  object: unknown,
  options: WriteOptions,
): HttpRequest {
  const path =
    "name" in where ? pathOf(resource, where) : collectionPath(resource, where.namespace);
  return withBody("POST", withQuery(path, writeQuery(options)), "application/json", object);
}

export function updateRequest(
  resource: Resource,
  at: ObjectAt,
  object: unknown,
  options: WriteOptions,
): HttpRequest {
  const path = withQuery(pathOf(resource, at), writeQuery(options));
  return withBody("PUT", path, "application/json", object);
}

export function patchRequest(resource: Resource, at: ObjectAt, patch: Patch): HttpRequest {
  const path = withQuery(pathOf(resource, at), {
    ...writeQuery(patch),
    force: patch.force === true ? true : undefined,
  });
  return withBody("PATCH", path, patchTypes[patch.type], patch.body);
}

export function deleteRequest(
  resource: Resource,
  at: ObjectAt,
  options: DeleteOptions,
): HttpRequest {
  return withBody("DELETE", pathOf(resource, at), "application/json", deleteBody(options));
}

export function deleteCollectionRequest(
  resource: Resource,
  selection: Selection,
  options: DeleteOptions,
): HttpRequest {
  const path = withQuery(collectionPath(resource, selection.namespace), {
    labelSelector: selection.labelSelector,
    fieldSelector: selection.fieldSelector,
  });
  return withBody("DELETE", path, "application/json", deleteBody(options));
}

/** The object as it goes over the wire: with its type, which objects in caches do not carry. */
export function withType(resource: Resource, object: object): object {
  return { apiVersion: apiVersionOf(resource), kind: resource.kind, ...object };
}

function deleteBody(options: DeleteOptions): DeleteOptions {
  return { kind: "DeleteOptions", apiVersion: "v1", ...options };
}

function pathOf(resource: Resource, at: ObjectAt): string {
  const path = objectPath(resource, at.namespace, at.name);
  return at.subresource === undefined ? path : `${path}/${at.subresource}`;
}

function writeQuery(options: WriteOptions): Record<string, QueryValue> {
  return {
    dryRun: options.dryRun === true ? "All" : undefined,
    fieldManager: options.fieldManager,
    fieldValidation: options.fieldValidation,
  };
}

function withQuery(path: string, query: Readonly<Record<string, QueryValue>>): string {
  const text = Object.entries(query)
    .filter(([, value]) => value !== undefined && value !== "")
    .map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`)
    .join("&");
  return text === "" ? path : `${path}?${text}`;
}

function withBody(
  method: HttpRequest["method"],
  path: string,
  contentType: string,
  body: unknown,
): HttpRequest {
  const headers = { accept: "application/json", "content-type": contentType };
  return { method, path, headers, body: Buffer.from(JSON.stringify(body)) };
}
