import type { JsonObject } from "#api/object.ts";
import { methodNotSupported } from "#api/status.ts";
import { acceptOf, bytesResponse, type Call } from "#apiserver/call.ts";
import { headerOf, type ApiResponse } from "#apiserver/http/exchange.ts";
import { decodedBody } from "#apiserver/negotiate/decoded.ts";
import { applyScale } from "#apiserver/registry/apply-object.ts";
import { decodeBody, finishBody, mediaTypeOf } from "#apiserver/registry/body.ts";
import { decodeCached } from "#apiserver/registry/kind.ts";
import { trackerOf } from "#apiserver/registry/ownership.ts";
import { applyPatchType, patchRoundsMax, readPatch } from "#apiserver/registry/patch.ts";
import { scaleOf, scaleType, withScale } from "#apiserver/registry/scale.ts";
import { changeObject } from "#apiserver/registry/update.ts";
import { parseWriteOptions, type WriteOptions } from "#apiserver/registry/write-options.ts";
import { userAgentOf, type ResourceEndpoint } from "#apiserver/resource-endpoint.ts";

/** `/scale`: the replicas of a workload as an object of their own. */
export async function serveScale(endpoint: ResourceEndpoint, call: Call): Promise<ApiResponse> {
  const { kind } = endpoint;
  switch (call.info.verb) {
    case "get":
      return scaleResponse(endpoint, call, decodeCached(kind, await endpoint.find(call)));
    case "update":
      return await update(endpoint, call);
    case "patch":
      return await patch(endpoint, call);
    default:
      throw methodNotSupported(kind.resource, call.info.verb);
  }
}

async function update(endpoint: ResourceEndpoint, call: Call): Promise<ApiResponse> {
  const options = parseWriteOptions(call.info.query, userAgentOf(call), "UpdateOptions");
  const body = {
    bytes: await call.request.body(),
    contentType: headerOf(call.request, "content-type"),
  };
  const it = { validation: options.fieldValidation, warn: endpoint.warn(call) };
  const scale = decodeBody(endpoint.ports.body, body, scaleType, it);
  return await change(endpoint, call, options, (object) => withScale(object, scale));
}

async function patch(endpoint: ResourceEndpoint, call: Call): Promise<ApiResponse> {
  const bytes = await call.request.body();
  const mediaType = mediaTypeOf(headerOf(call.request, "content-type"));
  if (mediaType === applyPatchType) return await apply(endpoint, call, bytes);
  const options = parseWriteOptions(call.info.query, userAgentOf(call), "PatchOptions");
  const { types } = endpoint.ports.registry;
  const read = readPatch({ bytes, mediaType }, scaleType.type, types);
  const it = {
    validation: options.fieldValidation,
    warn: endpoint.warn(call),
    duplicates: read.duplicates,
  };
  return await change(endpoint, call, options, (object) => {
    const scale = read.apply(scaleOf(endpoint.kind, object));
    finishBody(types, scale, scaleType, it);
    return withScale(object, scale);
  });
}

async function apply(
  endpoint: ResourceEndpoint,
  call: Call,
  bytes: Uint8Array,
): Promise<ApiResponse> {
  const written = await applyScale(endpoint.ports, {
    target: endpoint.target(call),
    query: call.info.query,
    part: "object",
    body: { bytes },
    expected: scaleType,
    warn: endpoint.warn(call),
  });
  return scaleResponse(endpoint, call, written.object);
}

async function change(
  endpoint: ResourceEndpoint,
  call: Call,
  options: WriteOptions,
  apply: (object: JsonObject) => JsonObject,
): Promise<ApiResponse> {
  const { kind, ports } = endpoint;
  const written = await changeObject(ports.registry, {
    target: endpoint.target(call),
    options,
    part: "object",
    track: trackerOf(ports.registry, kind, { options, subresource: "scale" }),
    warn: endpoint.warn(call),
    roundsMax: patchRoundsMax,
    next: (previous) => apply(structuredClone(previous)),
  });
  return scaleResponse(endpoint, call, written.object);
}

function scaleResponse(endpoint: ResourceEndpoint, call: Call, object: JsonObject): ApiResponse {
  const scale = scaleOf(endpoint.kind, object);
  const { types } = endpoint.ports.registry;
  const encoded = decodedBody(acceptOf(call), { object: scale, type: scaleType.type, types });
  return bytesResponse(call, 200, encoded.contentType, encoded.bytes);
}
