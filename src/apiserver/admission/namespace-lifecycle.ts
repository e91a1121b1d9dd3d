import { childObject, childString } from "#api/object.ts";
import { forbidden, notFound, StatusError } from "#api/status.ts";
import type { AdmissionRequest, AdmissionRule, ObjectSource } from "#apiserver/contract.ts";
import { isAbout, nameOf } from "./request.ts";

const immortal = new Set(["default", "kube-system", "kube-public"]);
const namespaces = { group: "", plural: "namespaces" };

/**
 * Objects live in namespaces that exist: 404 for others, 403 for new objects while the namespace
 * goes away. Three namespaces cannot be deleted. Upstream: apiserver
 * `admission/plugin/namespace/lifecycle`.
 */
export function namespaceLifecycle(objects: ObjectSource): AdmissionRule {
  return {
    name: "NamespaceLifecycle",
    mutate(request) {
      if (isAbout(request, "", "namespaces")) {
        refuseImmortal(request);
        return;
      }
      if (isExempt(request)) return;
      const namespace = objects.get("namespaces", "", "", request.namespace);
      if (namespace === undefined) throw notFound(namespaces, request.namespace);
      const phase = childString(childObject(namespace, "status"), "phase");
      if (request.operation === "CREATE" && phase === "Terminating") throw terminating(request);
    },
  };
}

function refuseImmortal(request: AdmissionRequest): void {
  if (request.operation === "DELETE" && immortal.has(request.name)) {
    throw forbidden(namespaces, request.name, "this namespace may not be deleted");
  }
}

/** To say to an access review that a namespace is missing would tell more than was asked. */
function isExempt(request: AdmissionRequest): boolean {
  const { group, plural } = request.resource;
  if (request.namespace === "" || plural === "namespaces") return true;
  if (request.operation === "DELETE" || request.operation === "CONNECT") return true;
  return group === "authorization.k8s.io" && plural === "localsubjectaccessreviews";
}

function terminating(request: AdmissionRequest): StatusError {
  const { namespace } = request;
  const why = `unable to create new content in namespace ${namespace} because it is being terminated`;
  const error = forbidden(request.resource, nameOf(request), why);
  const cause = {
    reason: "NamespaceTerminating",
    message: `namespace ${namespace} is being terminated`,
    field: "metadata.namespace",
  };
  const details = { ...error.details, causes: [cause] };
  return new StatusError(error.code, error.reason, error.message, { details });
}
