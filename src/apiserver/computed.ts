import { childObject, childString, type JsonObject } from "#api/object.ts";
import { apiVersionOf, type Resource } from "#api/resource.ts";
import { everything, matchesLabels, type Labels } from "#api/selector/label.ts";
import { parseLabelSelector } from "#api/selector/parse-label.ts";
import { badRequest, methodNotSupported, notFound } from "#api/status.ts";
import { bytesResponse, type Call } from "./call.ts";
import type { ApiResponse } from "./http/exchange.ts";
import { jsonBody } from "./negotiate/json.ts";

/**
 * A kind whose objects are not stored but made when they are asked for; who makes them is not part
 * of the API server. They can be read and listed, and not watched.
 */
export interface ComputedKind {
  readonly resource: Resource;
  /** All objects, without kind and version; only those of a namespace when one is given. */
  list(namespace: string | undefined): readonly JsonObject[];
}

/** Answers get and list. @throws {StatusError} 400, 404, 405 */
export function serveComputed(kind: ComputedKind, call: Call): ApiResponse {
  const { info } = call;
  const { resource } = kind;
  const apiVersion = apiVersionOf(resource);
  const namespace = resource.namespaced && info.namespace !== "" ? info.namespace : undefined;
  const typed = (object: JsonObject): JsonObject => ({
    kind: resource.kind,
    apiVersion,
    ...object,
  });
  if (info.verb === "get") {
    const found = kind.list(namespace).find((it) => nameOf(it) === info.name);
    if (found === undefined) throw notFound(resource, info.name);
    return bytesResponse(call, 200, "application/json", jsonBody(typed(found)));
  }
  if (info.verb !== "list") throw methodNotSupported(resource, info.verb);
  const selector = selectorOf(info.query.get("labelSelector"));
  const items = kind
    .list(namespace)
    .filter((it) =>
      matchesLabels(
        selector,
        childObject(childObject(it, "metadata"), "labels") as Labels | undefined,
      ),
    )
    .map(typed);
  const list = { kind: `${resource.kind}List`, apiVersion, metadata: {}, items };
  return bytesResponse(call, 200, "application/json", jsonBody(list));
}

function selectorOf(text: string | null | undefined): typeof everything {
  if (text === null || text === undefined || text === "") return everything;
  try {
    return parseLabelSelector(text);
  } catch (error) {
    throw badRequest(`labelSelector: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function nameOf(object: JsonObject): string | undefined {
  return childString(childObject(object, "metadata"), "name");
}
