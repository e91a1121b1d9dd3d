import { methodNotSupported, notFound } from "#api/status.ts";
import type { Subresource, Verb } from "#api/resource.ts";
import { apiVersionOf } from "#api/resource.ts";
import type { JsonObject } from "#api/object.ts";
import type { CachedObject } from "./cache/cached-object.ts";
import { acceptOf, bytesResponse, warningHeaders, type Call } from "./call.ts";
import { headerOf, type ApiResponse } from "./http/exchange.ts";
import { Representations } from "./negotiate/choose.ts";
import type { Representation } from "./negotiate/representation.ts";
import { decodeBody } from "./registry/body.ts";
import { createObject } from "./registry/create.ts";
import type { Written } from "./registry/commit.ts";
import { deleteObject, type Deleted } from "./registry/delete.ts";
import { parseDeleteOptions, type DeleteOptions } from "./registry/delete-options.ts";
import { decodeCached, cacheKey, type Kind, type WriteTarget } from "./registry/kind.ts";
import { listBody, listObjects } from "./registry/list.ts";
import { parseListOptions, parseRevision } from "./registry/list-options.ts";
import { metadataOf } from "./registry/metadata.ts";
import { patchObject } from "./registry/patch-object.ts";
import { replaceObject } from "./registry/replace.ts";
import { selectionOf } from "./registry/selection.ts";
import type { Part } from "./registry/update.ts";
import { watchBody } from "./registry/watch.ts";
import { parseWriteOptions } from "./registry/write-options.ts";
import type { EndpointPorts } from "./registry/endpoint-ports.ts";
import { trackerOf } from "./registry/ownership.ts";

/** Deletions of one deletecollection that run at the same time. */
const deletionsAtOnce = 16;

const deleteOptionsType = {
  apiVersion: "v1",
  kind: "DeleteOptions",
  type: "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions",
};

/** The verbs of one kind in one version, from a request to a response. */
export class ResourceEndpoint {
  readonly kind: Kind;
  readonly ports: EndpointPorts;
  readonly representations: Representations;

  constructor(kind: Kind, ports: EndpointPorts) {
    this.kind = kind;
    this.ports = ports;
    const { types, clock } = ports.registry;
    this.representations = new Representations(kind, { types, now: () => clock.now() });
  }

  /** @throws {StatusError} 405 when the kind does not have the verb, else what the verb throws. */
  async serve(call: Call): Promise<ApiResponse> {
    const { verb } = call.info;
    const { resource } = this.kind;
    if (!(resource.verbs as readonly string[]).includes(verb)) {
      throw methodNotSupported(resource, verb);
    }
    switch (verb as Verb) {
      case "get":
        return await this.get(call);
      case "list":
        return await this.#list(call);
      case "watch":
        return await this.#watch(call);
      case "create":
        return await this.#create(call);
      case "update":
        return await this.update(call, "object");
      case "patch":
        return await this.patch(call, "object");
      case "delete":
        return await this.#delete(call);
      case "deletecollection":
        return await this.#deleteCollection(call);
    }
  }

  async get(call: Call): Promise<ApiResponse> {
    const representation = this.#representation(call);
    const object = await this.find(call);
    return bytesResponse(call, 200, representation.contentType, representation.object(object));
  }

  /** The object that the call names. @throws {StatusError} 404 */
  async find(call: Call): Promise<CachedObject> {
    const { info, request } = call;
    const { cache, resource } = this.kind;
    const key = cacheKey(resource, info.namespace, info.name);
    const registry = this.ports.registry.cache;
    const text = info.query.get("resourceVersion") ?? "";
    const revision = text === "" ? undefined : parseRevision(text);
    if (revision === undefined) await registry.fresh(request);
    else if (revision > registry.revision) await registry.notOlderThan(revision, request);
    const object = cache.get(key);
    if (object === undefined) throw notFound(resource, info.name);
    return object;
  }

  /** PUT of the object, or of the part of it that a subresource is about. */
  async update(call: Call, part: Part): Promise<ApiResponse> {
    const options = parseWriteOptions(call.info.query, userAgentOf(call), "UpdateOptions");
    const written = await replaceObject(this.ports, {
      target: this.target(call),
      options,
      part,
      body: await this.#body(call),
      expected: this.expected(),
      warn: this.warn(call),
    });
    return this.written(call, written);
  }

  /** PATCH; as {@link update}. */
  async patch(call: Call, part: Part): Promise<ApiResponse> {
    const written = await patchObject(this.ports, {
      target: this.target(call),
      query: call.info.query,
      userAgent: userAgentOf(call),
      part,
      body: await this.#body(call),
      expected: this.expected(),
      warn: this.warn(call),
    });
    return this.written(call, written);
  }

  /** The response to a write. */
  written(call: Call, written: Written): ApiResponse {
    const representation = this.#representation(call);
    const bytes =
      written.cached === undefined
        ? representation.decoded(written.object)
        : representation.object(written.cached);
    return bytesResponse(call, written.created ? 201 : 200, representation.contentType, bytes);
  }

  /** Where a write of this call goes. */
  target(call: Call): WriteTarget {
    const { info, user, request, annotate } = call;
    return {
      kind: this.kind,
      user,
      annotate,
      namespace: this.kind.resource.namespaced ? info.namespace : "",
      name: info.name,
      subresource: info.subresource,
      get signal() {
        return request.signal;
      },
    };
  }

  expected(): { readonly apiVersion: string; readonly kind: string; readonly type: string } {
    const { resource } = this.kind;
    return { apiVersion: apiVersionOf(resource), kind: resource.kind, type: resource.type };
  }

  warn(call: Call): (text: string) => void {
    return (text) => {
      call.warnings.push(text);
    };
  }

  /** True when the kind serves the verb on the subresource. */
  hasVerb(subresource: Subresource, verb: string): boolean {
    return (subresource.verbs as readonly string[]).includes(verb);
  }

  #representation(call: Call): Representation {
    return this.representations.choose(acceptOf(call), call.info.query);
  }

  async #list(call: Call): Promise<ApiResponse> {
    const { info, request } = call;
    const options = parseListOptions(info.query);
    const representation = this.#representation(call);
    const body = await listBody(this.ports.registry, {
      cache: this.kind.cache,
      options,
      filter: selectionOf(this.kind, info.namespace, options),
      representation,
      asker: request,
    });
    const headers = {
      "content-type": representation.contentType,
      "cache-control": "no-cache, private",
      ...warningHeaders(call),
    };
    return { status: 200, headers, body };
  }

  async #watch(call: Call): Promise<ApiResponse> {
    const { info, request } = call;
    const options = parseListOptions(info.query);
    const representation = this.#representation(call);
    // The older path of a watch names its one object.
    const isPathName = info.path.includes("/watch/") && info.name !== "";
    const filter = selectionOf(
      this.kind,
      info.namespace,
      options,
      isPathName ? info.name : undefined,
    );
    request.longRunning();
    const body = await watchBody(this.ports.registry, {
      cache: this.kind.cache,
      options,
      filter,
      representation,
      timers: this.ports.timers,
      asker: request,
    });
    const headers = {
      "content-type": representation.streamType,
      "cache-control": "no-cache, private",
      ...warningHeaders(call),
    };
    return { status: 200, headers, body };
  }

  async #create(call: Call): Promise<ApiResponse> {
    const options = parseWriteOptions(call.info.query, userAgentOf(call), "CreateOptions");
    const warn = this.warn(call);
    const expected = this.expected();
    const body = await this.#body(call);
    const validation = options.fieldValidation;
    const object = decodeBody(this.ports.body, body, expected, { validation, warn });
    this.kind.strategy.default(object);
    const written = await createObject(this.ports.registry, {
      target: this.target(call),
      object,
      options,
      track: trackerOf(this.ports.registry, this.kind, { options, subresource: "" }),
      warn,
    });
    return this.written(call, written);
  }

  async #delete(call: Call): Promise<ApiResponse> {
    const options = await this.#deleteOptions(call);
    const deleted = await deleteObject(this.ports.registry, this.target(call), options);
    return this.#deleted(call, deleted);
  }

  #deleted(call: Call, deleted: Deleted): ApiResponse {
    if (deleted.gone && !returnsDeleted.has(this.kind.resource.storageKey)) {
      const { resource } = this.kind;
      const { name = "", uid = "" } = metadataOf(deleted.object);
      const group = resource.group === "" ? {} : { group: resource.group };
      const details = { name, ...group, kind: resource.plural, uid };
      return this.#status(call, { status: "Success", details });
    }
    return this.written(call, { created: false, object: deleted.object, cached: deleted.cached });
  }

  /** A Status that is no failure, in the encoding of the request. */
  #status(call: Call, it: JsonObject): ApiResponse {
    const representation = this.#representation(call);
    const object = { kind: "Status", apiVersion: "v1", metadata: {}, ...it };
    return bytesResponse(call, 200, representation.contentType, representation.decoded(object));
  }

  async #deleteCollection(call: Call): Promise<ApiResponse> {
    const { info, request } = call;
    const options = parseListOptions(info.query);
    const deletion = await this.#deleteOptions(call);
    const { cache } = this.kind;
    const filter = selectionOf(this.kind, info.namespace, options);
    const objects = await listObjects(this.ports.registry, {
      cache,
      options,
      filter,
      asker: request,
    });
    const target = this.target(call);
    for (let at = 0; at < objects.length; at += deletionsAtOnce) {
      const batch = objects.slice(at, at + deletionsAtOnce);
      await Promise.all(batch.map((it) => this.#deleteOne(target, it, deletion)));
    }
    const representation = this.#representation(call);
    if (representation.list.kind === "whole") return this.#status(call, { status: "Success" });
    const decoded = objects.map((it) => decodeCached(this.kind, it));
    const list = {
      kind: `${this.kind.resource.kind}List`,
      apiVersion: apiVersionOf(this.kind.resource),
      metadata: { resourceVersion: String(this.ports.registry.cache.revision) },
      items: decoded,
    };
    const bytes = new TextEncoder().encode(`${JSON.stringify(list)}\n`);
    return bytesResponse(call, 200, "application/json", bytes);
  }

  /** One of a collection; gone already is as good. */
  async #deleteOne(
    target: WriteTarget,
    object: CachedObject,
    options: DeleteOptions,
  ): Promise<void> {
    const { namespace, name } = object;
    const { kind, user, subresource, signal } = target;
    const one = { kind, user, subresource, signal, namespace, name };
    try {
      await deleteObject(this.ports.registry, one, options);
    } catch (error) {
      if ((error as { reason?: unknown }).reason !== "NotFound") throw error;
    }
  }

  async #deleteOptions(call: Call): Promise<DeleteOptions> {
    const body = await this.#body(call);
    if (body.bytes.length === 0) return parseDeleteOptions(undefined, call.info.query);
    const decoded = decodeBody(this.ports.body, body, deleteOptionsType, {
      validation: "Ignore",
      warn: this.warn(call),
    });
    return parseDeleteOptions(decoded, call.info.query);
  }

  async #body(
    call: Call,
  ): Promise<{ readonly bytes: Uint8Array; readonly contentType: string | undefined }> {
    const bytes = await call.request.body();
    return { bytes, contentType: headerOf(call.request, "content-type") };
  }
}

/** The client's name for itself. */
export function userAgentOf(call: Call): string | undefined {
  return headerOf(call.request, "user-agent");
}

/** Kinds whose DELETE answers with the object; upstream's `ReturnDeletedObject`. */
const returnsDeleted = new Set([
  "core/namespaces",
  "core/persistentvolumeclaims",
  "core/persistentvolumes",
  "core/pods",
  "core/podtemplates",
  "core/resourcequotas",
  "core/serviceaccounts",
  "core/services",
  "resource.k8s.io/deviceclasses",
  "resource.k8s.io/resourceclaims",
  "resource.k8s.io/resourceclaimtemplates",
  "resource.k8s.io/resourceslices",
  "storage.k8s.io/csidrivers",
  "storage.k8s.io/csinodes",
  "storage.k8s.io/storageclasses",
  "storage.k8s.io/volumeattachments",
  "storage.k8s.io/volumeattributesclasses",
]);
