import { childObject } from "#api/object.ts";
import { acceptOf, bytesResponse, type Call } from "#apiserver/call.ts";
import { headerOf, type ApiResponse } from "#apiserver/http/exchange.ts";
import { decodedBody } from "#apiserver/negotiate/decoded.ts";
import { admissionRequest, judge, mutate } from "#apiserver/registry/admit.ts";
import { decodeBody } from "#apiserver/registry/body.ts";
import { deleteObject } from "#apiserver/registry/delete.ts";
import { parseDeleteOptions } from "#apiserver/registry/delete-options.ts";
import { decodeCached } from "#apiserver/registry/kind.ts";
import { parseWriteOptions } from "#apiserver/registry/write-options.ts";
import { userAgentOf, type ResourceEndpoint } from "#apiserver/resource-endpoint.ts";

const evictionType = {
  apiVersion: "policy/v1",
  kind: "Eviction",
  type: "io.k8s.api.policy.v1.Eviction",
};

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
  await deleteObject(registry, target, { ...deletion, dryRun });
  const object = { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", code: 201 };
  const type = "io.k8s.apimachinery.pkg.apis.meta.v1.Status";
  const encoded = decodedBody(acceptOf(call), { object, type, types: registry.types });
  return bytesResponse(call, 201, encoded.contentType, encoded.bytes);
}
