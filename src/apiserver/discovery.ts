import { createHash } from "node:crypto";
import {
  aggregatedDiscovery,
  apiGroup,
  apiGroupList,
  apiResourceList,
  apiVersions,
} from "#api/discovery/documents.ts";
import type { JsonObject } from "#api/object.ts";
import type { Resource } from "#api/resource.ts";
import { headerOf, type ApiRequest, type ApiResponse } from "./http/exchange.ts";
import { jsonBody } from "./negotiate/json.ts";

const aggregatedType = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

interface Document {
  readonly contentType: string;
  readonly bytes: Uint8Array;
  readonly etag: string | undefined;
}

/** Serves `/api`, `/apis` and what is below: documents that are made once. */
export class Discovery {
  readonly #resources: readonly Resource[];
  readonly #address: string;
  readonly #documents = new Map<string, Document | undefined>();

  /** @param address `host:port` at which clients reach the server. */
  constructor(resources: readonly Resource[], address: string) {
    this.#resources = resources;
    this.#address = address;
  }

  /** The response for a path; undefined when it is no discovery path. */
  serve(path: string, request: ApiRequest): ApiResponse | undefined {
    const clean = path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path;
    const isRoot = clean === "/api" || clean === "/apis";
    const isAggregated = isRoot && wantsAggregated(headerOf(request, "accept"));
    const document = this.#find(clean, isAggregated);
    if (document === undefined) return undefined;
    const headers = {
      "content-type": document.contentType,
      "cache-control": isRoot ? "public" : "no-cache, private",
      ...(isRoot ? { vary: "Accept" } : {}),
      ...(document.etag === undefined ? {} : { etag: document.etag }),
    };
    const known = headerOf(request, "if-none-match");
    const isSame = document.etag !== undefined && known === document.etag;
    const bytes = isSame ? new Uint8Array(0) : document.bytes;
    return { status: isSame ? 304 : 200, headers, body: { kind: "bytes", bytes } };
  }

  #find(path: string, isAggregated: boolean): Document | undefined {
    const id = `${path} ${isAggregated ? "aggregated" : ""}`;
    if (this.#documents.has(id)) return this.#documents.get(id);
    const object = isAggregated
      ? aggregatedDiscovery(this.#resources, path === "/api" ? "api" : "apis")
      : this.#classic(path);
    if (object === undefined) return undefined;
    const bytes = jsonBody(object);
    const digest = createHash("sha512").update(bytes).digest("hex").toUpperCase();
    const document = {
      contentType: isAggregated ? aggregatedType : "application/json",
      bytes,
      etag: isAggregated ? `"${digest}"` : undefined,
    };
    this.#documents.set(id, document);
    return document;
  }

  #classic(path: string): JsonObject | undefined {
    const [, root, group, version, more] = path.split("/");
    if (more !== undefined) return undefined;
    const all = this.#resources;
    if (root === "api") {
      if (group === undefined) return apiVersions(this.#address);
      if (version !== undefined) return undefined;
      return apiResourceList(all, { group: "", version: group }, sha256);
    }
    if (root !== "apis") return undefined;
    if (group === undefined) return apiGroupList(all);
    if (group === "") return undefined;
    if (version === undefined) return apiGroup(all, group);
    return apiResourceList(all, { group, version }, sha256);
  }
}

function sha256(text: string): Uint8Array {
  return createHash("sha256").update(text).digest();
}

/** The aggregated form, in the version that every client since 1.30 knows. */
function wantsAggregated(accept: string | undefined): boolean {
  if (accept === undefined) return false;
  return accept.split(",").some((clause) => {
    const parts = new Set(clause.split(";").map((it) => it.trim()));
    return (
      parts.has("application/json") &&
      parts.has("g=apidiscovery.k8s.io") &&
      parts.has("v=v2") &&
      parts.has("as=APIGroupDiscoveryList")
    );
  });
}
