import {
  childList,
  childObject,
  ensureObject,
  isJsonObject,
  type Json,
  type JsonObject,
} from "#api/object.ts";
import { methodNotSupported } from "#api/status.ts";
import type { Call } from "#apiserver/call.ts";
import type { ApiResponse } from "#apiserver/http/exchange.ts";
import type { ResourceEndpoint } from "#apiserver/resource-endpoint.ts";

/** What a write through a subresource may change: takes everything else from `previous`. */
type Limit = (next: JsonObject, previous: JsonObject) => void;

/** Subresources that speak the whole object and change one part of it. */
export const limits: Readonly<Record<string, Limit>> = {
  "core/pods/ephemeralcontainers": limitToEphemeralContainers,
  "core/pods/resize": limitToResources,
  "core/namespaces/finalize": limitToNamespaceFinalizers,
  "certificates.k8s.io/certificatesigningrequests/approval": limitToConditions,
};

/** Serves get, update and patch of such a subresource. */
export async function serveLimited(
  endpoint: ResourceEndpoint,
  call: Call,
  limit: Limit,
): Promise<ApiResponse> {
  switch (call.info.verb) {
    case "get":
      return await endpoint.get(call);
    case "update":
      return await endpoint.update(call, "limited", limit);
    case "patch":
      return await endpoint.patch(call, "limited", limit);
    default:
      throw methodNotSupported(endpoint.kind.resource, call.info.verb);
  }
}

function limitToEphemeralContainers(next: JsonObject, previous: JsonObject): void {
  const containers = childObject(next, "spec")?.["ephemeralContainers"];
  keepAll(next, previous);
  if (containers !== undefined) ensureObject(next, "spec")["ephemeralContainers"] = containers;
}

/** Requests, limits and resize policies of containers, and those of the pod. */
function limitToResources(next: JsonObject, previous: JsonObject): void {
  const wanted = childObject(next, "spec");
  keepAll(next, previous);
  const spec = ensureObject(next, "spec");
  for (const list of ["containers", "initContainers"]) {
    const byName = new Map(
      childList(wanted, list)
        .filter(isJsonObject)
        .map((it) => [it["name"], it]),
    );
    const containers = childList(spec, list).map((it): Json => {
      const from = isJsonObject(it) ? byName.get(it["name"]) : undefined;
      if (!isJsonObject(it) || from === undefined) return it;
      return { ...it, ...partOf(from, "resources"), ...partOf(from, "resizePolicy") };
    });
    if (containers.length > 0) spec[list] = containers;
  }
  Object.assign(spec, partOf(wanted ?? {}, "resources"));
}

function limitToNamespaceFinalizers(next: JsonObject, previous: JsonObject): void {
  const finalizers = childObject(next, "spec")?.["finalizers"];
  keepAll(next, previous);
  next["spec"] = { ...childObject(next, "spec"), finalizers: finalizers ?? [] };
}

function limitToConditions(next: JsonObject, previous: JsonObject): void {
  const conditions = childObject(next, "status")?.["conditions"];
  keepAll(next, previous);
  if (conditions !== undefined) ensureObject(next, "status")["conditions"] = conditions;
}

/** Makes everything but the books of the server what it was, as a copy. */
function keepAll(next: JsonObject, previous: JsonObject): void {
  const metadata = next["metadata"];
  const kept = structuredClone(previous);
  for (const key of Object.keys(next)) Reflect.deleteProperty(next, key);
  Object.assign(next, kept);
  const revision = isJsonObject(metadata) ? metadata["resourceVersion"] : undefined;
  if (revision !== undefined) ensureObject(next, "metadata")["resourceVersion"] = revision;
}

function partOf(from: JsonObject, key: string): JsonObject {
  const value = from[key];
  return value === undefined ? {} : { [key]: value };
}
