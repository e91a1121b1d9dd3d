import type { Buffer } from "node:buffer";
import type { Duplex } from "node:stream";
import { apiVersionOf, type Subresource } from "#api/resource.ts";
import { badRequest, methodNotSupported, StatusError } from "#api/status.ts";
import type { ReviewHandler } from "./auth/review/handler.ts";
import { acceptOf, bytesResponse, type Call } from "./call.ts";
import { serveComputed, type ComputedKind } from "./computed.ts";
import type { ConnectPort, ConnectTarget } from "./connect-port.ts";
import { headerOf, type ApiResponse } from "./http/exchange.ts";
import { decodedBody } from "./negotiate/decoded.ts";
import { pageNotFound } from "./plain-paths.ts";
import { admissionRequest, judge, mutate } from "./registry/admit.ts";
import { decodeBody } from "./registry/body.ts";
import { decodeCached } from "./registry/kind.ts";
import { parseWriteOptions } from "./registry/write-options.ts";
import { userAgentOf, type ResourceEndpoint } from "./resource-endpoint.ts";
import { serveBinding } from "./subresources/binding.ts";
import { serveEviction } from "./subresources/eviction.ts";
import { partRulesOf, servePart } from "./subresources/part.ts";
import { serveScale } from "./subresources/scale.ts";
import { serveStatus } from "./subresources/status.ts";
import { watchOverWebSocket } from "./subresources/watch-websocket.ts";

/** Subresources that are carried on to nodes, pods and services. */
const connected = new Set(["attach", "exec", "log", "portforward", "proxy"]);

export interface ResourceRouterOptions {
  readonly reviews: ReadonlyMap<string, ReviewHandler>;
  readonly connect: ConnectPort;
  readonly computed: readonly ComputedKind[];
  /** By `<group>/<version>/<plural>`. */
  readonly endpoints: ReadonlyMap<string, ResourceEndpoint>;
}

/** Finds who serves a request about a resource. */
export class ResourceRouter {
  readonly #options: ResourceRouterOptions;

  constructor(options: ResourceRouterOptions) {
    this.#options = options;
  }

  /** @throws {StatusError} what the verbs throw, and 405 for those that the resource has not. */
  async serve(call: Call): Promise<ApiResponse> {
    const { info } = call;
    const endpoint = this.#endpointOf(call);
    if (endpoint === undefined) return this.#serveComputed(call);
    const { resource } = endpoint.kind;
    // Who answers a proxied request may know methods that the API has not.
    if (info.verb === "" && info.subresource !== "proxy") {
      throw methodNotSupported(resource, call.request.method.toLowerCase());
    }
    if (resource.namespaced && info.namespace === "" && needsNamespace(call)) {
      return pageNotFound();
    }
    if (info.subresource !== "") return await this.#serveSubresource(endpoint, call);
    if (info.verb === "create" && info.name !== "") return pageNotFound();
    const review = this.#options.reviews.get(`${info.group}/${info.resource}`);
    if (review !== undefined) return await serveReview(endpoint, call, review);
    if (resource.storageKey === "core/bindings" && info.verb === "create") {
      return await serveBinding(this.#pods(), call);
    }
    return await endpoint.serve(call);
  }

  #serveComputed(call: Call): ApiResponse {
    const { group, version, resource: plural, subresource } = call.info;
    const found = this.#options.computed.find(
      ({ resource: it }) => it.group === group && it.version === version && it.plural === plural,
    );
    return found === undefined || subresource !== "" ? pageNotFound() : serveComputed(found, call);
  }

  /** @throws {StatusError} for what cannot be upgraded. */
  async upgrade(call: Call, socket: Duplex, head: Buffer): Promise<void> {
    const endpoint = this.#endpointOf(call);
    const { info } = call;
    if (endpoint === undefined) throw unknownResource();
    if (info.verb === "watch" && info.subresource === "") {
      await watchOverWebSocket(endpoint, call, { socket, head });
      return;
    }
    if (!connected.has(info.subresource)) {
      throw badRequest(`${info.path} is no connection that can be upgraded`);
    }
    const target = await this.#connectTarget(endpoint, call);
    call.request.longRunning();
    await this.#options.connect.upgrade(target, call.request, socket, head);
  }

  #endpointOf({ info }: Call): ResourceEndpoint | undefined {
    return this.#options.endpoints.get(`${info.group}/${info.version}/${info.resource}`);
  }

  #pods(): ResourceEndpoint {
    const pods = this.#options.endpoints.get("/v1/pods");
    if (pods === undefined) throw unknownResource();
    return pods;
  }

  async #serveSubresource(endpoint: ResourceEndpoint, call: Call): Promise<ApiResponse> {
    const { info } = call;
    const { resource } = endpoint.kind;
    const subresource = resource.subresources.find((it) => it.name === info.subresource);
    if (subresource === undefined || info.name === "") return pageNotFound();
    if (connected.has(subresource.name)) {
      const target = await this.#connectTarget(endpoint, call);
      return await this.#options.connect.forward(target, call.request);
    }
    if (!endpoint.hasVerb(subresource, info.verb)) throw methodNotSupported(resource, info.verb);
    const review = this.#options.reviews.get(`${info.group}/${info.resource}/${subresource.name}`);
    if (review !== undefined) return await serveReview(endpoint, call, review, subresource);
    const { strategy } = endpoint.kind;
    const rules = partRulesOf(resource.storageKey, subresource.name, strategy);
    if (rules !== undefined) return await servePart(endpoint, call, rules);
    switch (subresource.name) {
      case "status":
        return await serveStatus(endpoint, call);
      case "scale":
        return await serveScale(endpoint, call);
      case "binding":
        return await serveBinding(endpoint, call);
      case "eviction":
        return await serveEviction(endpoint, call);
      default:
        return pageNotFound();
    }
  }

  async #connectTarget(endpoint: ResourceEndpoint, call: Call): Promise<ConnectTarget> {
    const { info, user } = call;
    const { resource } = endpoint.kind;
    const isPlainName = !info.name.includes(":");
    const object =
      isPlainName && resource.plural !== "services"
        ? decodeCached(endpoint.kind, await endpoint.find(call))
        : undefined;
    const { registry } = endpoint.ports;
    const request = admissionRequest(endpoint.target(call), {
      operation: "CONNECT",
      object: undefined,
      previous: object,
      dryRun: false,
    });
    await mutate(registry, request, call.request.signal);
    await judge(registry, request, call.request.signal);
    return {
      resource: resource.plural,
      subresource: info.subresource,
      namespace: info.namespace,
      name: info.name,
      rest: info.rest,
      query: info.query,
      user,
      object,
    };
  }
}

/** Answers a question whose answer is the response and which is not stored. */
async function serveReview(
  endpoint: ResourceEndpoint,
  call: Call,
  review: ReviewHandler,
  subresource?: Subresource,
): Promise<ApiResponse> {
  const { info, user, request } = call;
  const { resource } = endpoint.kind;
  if (info.verb !== "create") throw methodNotSupported(resource, info.verb);
  const options = parseWriteOptions(info.query, userAgentOf(call), "CreateOptions");
  const { body: bodyPorts, registry } = endpoint.ports;
  const expected = reviewType(endpoint, subresource);
  const body = { bytes: await request.body(), contentType: headerOf(request, "content-type") };
  const object = decodeBody(bodyPorts, body, expected, {
    validation: options.fieldValidation,
    warn: endpoint.warn(call),
  });
  const admission = admissionRequest(endpoint.target(call), {
    operation: "CREATE",
    object,
    previous: undefined,
    dryRun: options.dryRun,
  });
  await mutate(registry, admission, request.signal);
  await judge(registry, admission, request.signal);
  const answer = await review(object, user, info.namespace, info.name);
  answer["metadata"] ??= {};
  const { type } = expected;
  const encoded = decodedBody(acceptOf(call), { object: answer, type, types: registry.types });
  return bytesResponse(call, 201, encoded.contentType, encoded.bytes);
}

function reviewType(
  endpoint: ResourceEndpoint,
  subresource: Subresource | undefined,
): { readonly apiVersion: string; readonly kind: string; readonly type: string } {
  if (subresource?.kind === undefined) return endpoint.expected();
  const { group = "", version = "v1", kind } = subresource;
  const apiVersion = apiVersionOf({ group, version });
  const type = endpoint.ports.body.names.typeOf(apiVersion, kind);
  return { apiVersion, kind, type: type ?? endpoint.kind.resource.type };
}

/** Only lists and watches of a namespaced kind may leave the namespace out. */
function needsNamespace({ info }: Call): boolean {
  return info.verb !== "list" && info.verb !== "watch";
}

function unknownResource(): StatusError {
  return new StatusError(404, "NotFound", "the server could not find the requested resource", {
    details: {},
  });
}
