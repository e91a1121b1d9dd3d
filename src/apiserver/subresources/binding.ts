import { childList, childObject, childString, ensureObject, type JsonObject } from "#api/object.ts";
import { validateBinding } from "#api/rules/pod/subresources.ts";
import { conflict, invalidObject } from "#api/status.ts";
import { formatTime } from "#api/time.ts";
import { acceptOf, bytesResponse, type Call } from "#apiserver/call.ts";
import { headerOf, type ApiResponse } from "#apiserver/http/exchange.ts";
import { decodedBody } from "#apiserver/negotiate/decoded.ts";
import { admissionRequest, judge, mutate } from "#apiserver/registry/admit.ts";
import { decodeBody } from "#apiserver/registry/body.ts";
import { commit } from "#apiserver/registry/commit.ts";
import { cacheKey, decodeCached } from "#apiserver/registry/kind.ts";
import { isDeleting, metadataOf, nameOf } from "#apiserver/registry/metadata.ts";
import { trackerOf } from "#apiserver/registry/ownership.ts";
import { currentOf, modifiedMessage } from "#apiserver/registry/update.ts";
import { parseWriteOptions } from "#apiserver/registry/write-options.ts";
import { userAgentOf, type ResourceEndpoint } from "#apiserver/resource-endpoint.ts";
import { setTrueCondition } from "./pod-condition.ts";

const bindingType = { apiVersion: "v1", kind: "Binding", type: "io.k8s.api.core.v1.Binding" };
const roundsMax = 20;

/**
 * Binds a pod to a node: `POST …/pods/{name}/binding`, and the older `POST …/bindings`, which names
 * the pod in its body. Upstream: `pkg/registry/core/pod/storage`, `BindingREST`.
 * @param pods the endpoint of pods.
 */
export async function serveBinding(pods: ResourceEndpoint, call: Call): Promise<ApiResponse> {
  const options = parseWriteOptions(call.info.query, userAgentOf(call), "CreateOptions");
  const body = {
    bytes: await call.request.body(),
    contentType: headerOf(call.request, "content-type"),
  };
  const binding = decodeBody(pods.ports.body, body, bindingType, {
    validation: options.fieldValidation,
    warn: pods.warn(call),
  });
  checkBinding(binding);
  const named = childString(metadataOf(binding), "name") ?? "";
  const name = call.info.name === "" ? named : call.info.name;
  const { registry } = pods.ports;
  const base = pods.target(call);
  const target = {
    kind: base.kind,
    user: base.user,
    namespace: base.namespace,
    subresource: "binding",
    signal: call.request.signal,
    name,
  };
  const request = admissionRequest(target, {
    operation: "CREATE",
    object: binding,
    previous: undefined,
    dryRun: options.dryRun,
  });
  await mutate(registry, request, target.signal);
  await judge(registry, request, target.signal);
  const key = cacheKey(base.kind.resource, target.namespace, name);
  const track = trackerOf(registry, base.kind, { options, subresource: "binding" });
  for (let round = 1; ; round++) {
    const current = await currentOf(registry, target, key);
    const previous = decodeCached(base.kind, current);
    const pod = decodeCached(base.kind, current);
    bind(pods, pod, binding, formatTime(registry.clock.now()));
    track(pod, previous);
    if (options.dryRun) break;
    const at = { key, object: pod, ifRevision: current.revision };
    if ((await commit(registry, base.kind, at)) !== undefined) break;
    if (round === roundsMax) throw conflict(base.kind.resource, name, modifiedMessage);
  }
  const object = { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", code: 201 };
  const type = "io.k8s.apimachinery.pkg.apis.meta.v1.Status";
  const encoded = decodedBody(acceptOf(call), { object, type, types: registry.types });
  return bytesResponse(call, 201, encoded.contentType, encoded.bytes);
}

function checkBinding(binding: JsonObject): void {
  const errors = validateBinding(binding);
  if (errors.length === 0) return;
  throw invalidObject({ group: "", kind: "Binding" }, nameOf(binding), errors);
}

/** Sets the node and its condition in one write: nobody sees one without the other. */
function bind(pods: ResourceEndpoint, pod: JsonObject, binding: JsonObject, now: string): void {
  const { resource } = pods.kind;
  const name = nameOf(pod);
  const node = childString(childObject(binding, "target"), "name") ?? "";
  const spec = ensureObject(pod, "spec");
  checkUid(pods, pod, binding);
  if (isDeleting(pod)) {
    throw conflict(resource, name, `pod ${name} is being deleted, cannot be assigned to a host`);
  }
  const bound = spec["nodeName"];
  if (typeof bound === "string" && bound !== "") {
    const why = `pod ${name} is already assigned to node ${JSON.stringify(bound)}`;
    throw conflict(resource, name, why);
  }
  if (childList(spec, "schedulingGates").length > 0) {
    throw conflict(resource, name, `pod ${name} has non-empty .spec.schedulingGates`);
  }
  spec["nodeName"] = node;
  const annotations = childObject(metadataOf(binding), "annotations");
  if (annotations !== undefined) {
    Object.assign(ensureObject(ensureObject(pod, "metadata"), "annotations"), annotations);
  }
  setTrueCondition(pod, { type: "PodScheduled" }, now);
  // Where it was promised room says nothing any more.
  delete ensureObject(pod, "status")["nominatedNodeName"];
}

function checkUid(pods: ResourceEndpoint, pod: JsonObject, binding: JsonObject): void {
  const given = metadataOf(binding)["uid"] ?? "";
  const uid = metadataOf(pod)["uid"];
  if (given === "" || given === uid) return;
  const why = `Precondition failed: UID in precondition: ${JSON.stringify(given)}, UID in object meta: ${JSON.stringify(uid)}`;
  throw conflict(pods.kind.resource, nameOf(pod), why);
}
