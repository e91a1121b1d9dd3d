import { childObject, childString } from "#api/object.ts";
import { formatTime } from "#api/time.ts";
import { conflict } from "#api/status.ts";
import { acceptOf, bytesResponse, type Call } from "#apiserver/call.ts";
import { headerOf, type ApiResponse } from "#apiserver/http/exchange.ts";
import { decodedBody } from "#apiserver/negotiate/decoded.ts";
import { admissionRequest, judge, mutate } from "#apiserver/registry/admit.ts";
import { decodeBody } from "#apiserver/registry/body.ts";
import { commit } from "#apiserver/registry/commit.ts";
import { deleteObject } from "#apiserver/registry/delete.ts";
import { parseDeleteOptions, type DeleteOptions } from "#apiserver/registry/delete-options.ts";
import { cacheKey, decodeCached, type WriteTarget } from "#apiserver/registry/kind.ts";
import { isDeleting, metadataOf } from "#apiserver/registry/metadata.ts";
import { trackerOf } from "#apiserver/registry/ownership.ts";
import { currentOf, modifiedMessage } from "#apiserver/registry/update.ts";
import { parseWriteOptions, type WriteOptions } from "#apiserver/registry/write-options.ts";
import { userAgentOf, type ResourceEndpoint } from "#apiserver/resource-endpoint.ts";
import { setTrueCondition, type TrueCondition } from "./pod-condition.ts";

const evictionType = {
  apiVersion: "policy/v1",
  kind: "Eviction",
  type: "io.k8s.api.policy.v1.Eviction",
};

const evicted: TrueCondition = {
  type: "DisruptionTarget",
  cause: { reason: "EvictionByEvictionAPI", message: "Eviction API: evicting" },
};

const roundsMax = 20;

/**
 * `POST …/pods/{name}/eviction`: a deletion that admission may refuse, which is where disruption
 * budgets speak. Upstream: `pkg/registry/core/pod/storage/eviction.go`.
 */
export async function serveEviction(pods: ResourceEndpoint, call: Call): Promise<ApiResponse> {
  const options = parseWriteOptions(call.info.query, userAgentOf(call), "CreateOptions");
  const body = {
    bytes: await call.request.body(),
    contentType: headerOf(call.request, "content-type"),
  };
  const eviction = decodeBody(pods.ports.body, body, evictionType, {
    validation: options.fieldValidation,
    warn: pods.warn(call),
  });
  const { registry } = pods.ports;
  const target = pods.target(call);
  const pod = decodeCached(pods.kind, await pods.find(call));
  const deletion = parseDeleteOptions(
    childObject(eviction, "deleteOptions") ?? {},
    call.info.query,
  );
  const dryRun = options.dryRun || deletion.dryRun;
  const request = admissionRequest(target, {
    operation: "CREATE",
    object: eviction,
    previous: pod,
    dryRun,
  });
  await mutate(registry, request, call.request.signal);
  await judge(registry, request, call.request.signal);
  const marked = dryRun ? deletion : await mark(pods, target, { options, deletion });
  await deleteObject(registry, target, { ...marked, dryRun });
  const object = { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", code: 201 };
  const type = "io.k8s.apimachinery.pkg.apis.meta.v1.Status";
  const encoded = decodedBody(acceptOf(call), { object, type, types: registry.types });
  return bytesResponse(call, 201, encoded.contentType, encoded.bytes);
}

/**
 * Writes on the pod why it goes, for those who count it (a Job's failure policy, say). Returns the
 * deletion that is to follow: a wanted version has become another one by this write.
 */
async function mark(
  pods: ResourceEndpoint,
  target: WriteTarget,
  { options, deletion }: { readonly options: WriteOptions; readonly deletion: DeleteOptions },
): Promise<DeleteOptions> {
  const { registry } = pods.ports;
  const { kind, name } = target;
  const key = cacheKey(kind.resource, target.namespace, name);
  const track = trackerOf(registry, kind, { options, subresource: "status" });
  for (let round = 1; round <= roundsMax; round++) {
    const current = await currentOf(registry, target, key);
    const previous = decodeCached(kind, current);
    const { resourceVersion, uid } = deletion;
    const isOther = resourceVersion !== undefined && resourceVersion !== String(current.revision);
    // What must not be deleted must not be marked; the deletion says why.
    if (isOther || (uid !== undefined && uid !== metadataOf(previous)["uid"])) return deletion;
    if (isDeleting(previous)) return deletion;
    const pod = decodeCached(kind, current);
    setTrueCondition(pod, evicted, formatTime(registry.clock.now()));
    track(pod, previous);
    const written = await commit(registry, kind, {
      key,
      object: pod,
      ifRevision: current.revision,
    });
    if (written === undefined) continue;
    if (resourceVersion === undefined) return deletion;
    return { ...deletion, resourceVersion: childString(metadataOf(pod), "resourceVersion") };
  }
  throw conflict(kind.resource, name, modifiedMessage);
}
