import { isDeepStrictEqual } from "node:util";
import { childList, childObject, childString, isJsonObject, type JsonObject } from "#api/object.ts";
import { notFound } from "#api/status.ts";
import type {
  AdmissionRequest,
  AdmissionRule,
  Authorizer,
  ObjectSource,
} from "#apiserver/contract.ts";
import { mirrorAnnotation, podReferences } from "#apiserver/auth/node/pod-references.ts";
import { nodeOf } from "#apiserver/auth/users.ts";
import { annotation, nameOf, refuse } from "./request.ts";

/** Labels of `kubernetes.io` that a node may give itself. */
const ownLabels = new Set([
  "kubernetes.io/hostname",
  "kubernetes.io/os",
  "kubernetes.io/arch",
  "topology.kubernetes.io/zone",
  "topology.kubernetes.io/region",
  "beta.kubernetes.io/os",
  "beta.kubernetes.io/arch",
  "beta.kubernetes.io/instance-type",
  "failure-domain.beta.kubernetes.io/zone",
  "failure-domain.beta.kubernetes.io/region",
]);
const ownLabelDomains = ["kubelet.kubernetes.io", "node.kubernetes.io"];

/**
 * A node changes only itself, its lease, and the pods bound to it. Upstream:
 * `plugin/pkg/admission/noderestriction`.
 */
export function nodeRestriction(objects: ObjectSource, authorizer: Authorizer): AdmissionRule {
  return {
    name: "NodeRestriction",
    mutate(request) {
      const node = nodeOf(request.user);
      if (node === undefined) return;
      if (node === "") {
        const who = JSON.stringify(request.user.name);
        throw refuse(request, `could not determine node from user ${who}`);
      }
      const { group, plural } = request.resource;
      switch (group === "" ? plural : `${plural}.${group}`) {
        case "pods":
          checkPod(request, node, objects);
          break;
        case "nodes":
          checkNode(request, node);
          break;
        case "persistentvolumeclaims":
          checkClaim(request);
          break;
        case "serviceaccounts":
          checkToken(request, node, { objects, authorizer });
          break;
        case "leases.coordination.k8s.io":
          checkLease(request, node);
          break;
        case "csinodes.storage.k8s.io":
          checkName(
            request,
            node,
            "can only access CSINode with the same name as the requesting node",
          );
          break;
        case "resourceslices.resource.k8s.io":
          checkSlice(request, node);
          break;
      }
    },
  };
}

function checkPod(request: AdmissionRequest, node: string, objects: ObjectSource): void {
  const { operation, subresource } = request;
  const quoted = JSON.stringify(node);
  if (subresource === "status") {
    checkPodStatus(request, node);
  } else if (subresource === "eviction") {
    if (nodeOfPod(request, objects) !== node) {
      throw refuse(request, `node ${node} can only evict pods with spec.nodeName set to itself`);
    }
  } else if (subresource !== "") {
    const what = `unexpected pod subresource ${JSON.stringify(subresource)}`;
    throw refuse(request, `${what}, only 'status' and 'eviction' are allowed`);
  } else if (operation === "CREATE") {
    checkMirrorPod(request, node, objects);
  } else if (operation === "DELETE") {
    if (nodeOfPod(request, objects) !== node) {
      const why = `node ${quoted} can only delete pods with spec.nodeName set to itself`;
      throw refuse(request, why);
    }
  } else {
    const what = `unexpected operation ${JSON.stringify(operation)}`;
    throw refuse(request, `${what}, node ${quoted} can only create and delete mirror pods`);
  }
}

function nodeOfPod(request: AdmissionRequest, objects: ObjectSource): string | undefined {
  const name = nameOf(request);
  const pod = request.previous ?? objects.get("pods", "", request.namespace, name);
  if (pod === undefined) throw notFound({ group: "", plural: "pods" }, name);
  return childString(childObject(pod, "spec"), "nodeName");
}

function checkPodStatus(request: AdmissionRequest, node: string): void {
  const quoted = JSON.stringify(node);
  const { object, previous } = request;
  if (childString(childObject(previous, "spec"), "nodeName") !== node) {
    const why = `node ${quoted} can only update pod status for pods with spec.nodeName set to itself`;
    throw refuse(request, why);
  }
  if (!isDeepStrictEqual(labelsOf(object), labelsOf(previous))) {
    throw refuse(request, `node ${quoted} cannot update labels through pod status`);
  }
  for (const field of ["resourceClaimStatuses", "extendedResourceClaimStatus"]) {
    const next = childObject(object, "status")?.[field];
    if (!isDeepStrictEqual(next, childObject(previous, "status")?.[field])) {
      throw refuse(request, `node ${quoted} cannot update ${field} of a pod`);
    }
  }
}

function checkMirrorPod(request: AdmissionRequest, node: string, objects: ObjectSource): void {
  const { object } = request;
  const quoted = JSON.stringify(node);
  if (annotation(object, mirrorAnnotation) === undefined) {
    const what = `pod does not have ${JSON.stringify(mirrorAnnotation)} annotation`;
    throw refuse(request, `${what}, node ${quoted} can only create mirror pods`);
  }
  if (childString(childObject(object, "spec"), "nodeName") !== node) {
    throw refuse(request, `node ${quoted} can only create pods with spec.nodeName set to itself`);
  }
  const fault = ownerFault(object, node, objects);
  if (fault !== undefined) throw refuse(request, `node ${quoted} ${fault}`);
  const references = podReferences({ ...object, metadata: {} });
  const counts = [
    ["serviceaccounts", references.serviceAccount === "" ? 0 : 1],
    ["secrets", references.secrets.size],
    ["configmaps", references.configMaps.size],
    ["persistentvolumeclaims", references.claims.size],
    ["resourceclaims", references.resourceClaims.size],
  ] as const;
  const referenced = counts.find(([, count]) => count > 0);
  if (referenced !== undefined) {
    throw refuse(request, `node ${quoted} can not create pods that reference ${referenced[0]}`);
  }
}

function ownerFault(
  pod: JsonObject | undefined,
  node: string,
  objects: ObjectSource,
): string | undefined {
  const owners = childList(childObject(pod, "metadata"), "ownerReferences").filter(isJsonObject);
  const [owner] = owners;
  if (owners.length > 1) return "can only create pods with a single owner reference set to itself";
  const own = owner?.["apiVersion"] === "v1" && owner["kind"] === "Node" && owner["name"] === node;
  if (!own) return "can only create pods with an owner reference set to itself";
  if (owner["controller"] !== true) {
    return "can only create pods with a controller owner reference set to itself";
  }
  if (owner["blockOwnerDeletion"] === true) {
    return "must not set blockOwnerDeletion on an owner reference";
  }
  const found = objects.get("nodes", "", "", node);
  if (found === undefined) throw notFound({ group: "", plural: "nodes" }, node);
  const uid = childString(childObject(found, "metadata"), "uid");
  return owner["uid"] === uid ? undefined : "names another node's uid as the owner";
}

function checkNode(request: AdmissionRequest, node: string): void {
  const quoted = JSON.stringify(node);
  const name = nameOf(request);
  if (name !== node) {
    const why = `node ${quoted} is not allowed to modify node ${JSON.stringify(name)}`;
    throw refuse(request, why);
  }
  const { object, previous, operation } = request;
  if (operation === "DELETE" || object === undefined) return;
  const refused = changedLabels(labelsOf(object), labelsOf(previous)).filter(isForeignLabel);
  if (operation === "CREATE") {
    if (refused.length === 0) return;
    const why = `is not allowed to set the following labels: ${refused.join(", ")}`;
    throw refuse(request, `node ${quoted} ${why}`);
  }
  const [next, before] = [childObject(object, "spec"), childObject(previous, "spec")];
  if (!isDeepStrictEqual(next?.["taints"] ?? [], before?.["taints"] ?? [])) {
    throw refuse(request, `node ${quoted} is not allowed to modify taints`);
  }
  const owners = (it: JsonObject | undefined): unknown[] =>
    childList(childObject(it, "metadata"), "ownerReferences");
  if (!isDeepStrictEqual(owners(object), owners(previous))) {
    throw refuse(request, `node ${quoted} is not allowed to modify ownerReferences`);
  }
  if (refused.length > 0) {
    throw refuse(request, `is not allowed to modify labels: ${refused.join(", ")}`);
  }
}

function changedLabels(next: JsonObject, before: JsonObject): string[] {
  const keys = new Set([...Object.keys(next), ...Object.keys(before)]);
  return [...keys].filter((it) => next[it] !== before[it]).sort();
}

function isForeignLabel(key: string): boolean {
  const slash = key.indexOf("/");
  const domain = slash < 0 ? "" : key.slice(0, slash);
  const within = (parent: string): boolean => domain === parent || domain.endsWith(`.${parent}`);
  if (within("node-restriction.kubernetes.io")) return true;
  if (!within("kubernetes.io") && !within("k8s.io")) return false;
  return !ownLabels.has(key) && !ownLabelDomains.some(within);
}

function labelsOf(object: JsonObject | undefined): JsonObject {
  return { ...childObject(childObject(object, "metadata"), "labels") };
}

/** Status fields of a claim that the node which mounts it reports. */
const claimStatusFields = [
  "capacity",
  "conditions",
  "allocatedResourceStatuses",
  "allocatedResources",
];

function checkClaim(request: AdmissionRequest): void {
  if (request.subresource !== "status") throw refuse(request, "may only update PVC status");
  const strip = (object: JsonObject | undefined): JsonObject => {
    const copy = structuredClone(object ?? {});
    const metadata = childObject(copy, "metadata") ?? {};
    for (const it of ["resourceVersion", "managedFields"]) Reflect.deleteProperty(metadata, it);
    const status = childObject(copy, "status") ?? {};
    for (const it of claimStatusFields) Reflect.deleteProperty(status, it);
    return { ...copy, status };
  };
  if (isDeepStrictEqual(strip(request.object), strip(request.previous))) return;
  throw refuse(
    request,
    `node is not allowed to update fields other than status.quantity and status.conditions`,
  );
}

function checkLease(request: AdmissionRequest, node: string): void {
  if (request.namespace !== "kube-node-lease") {
    throw refuse(request, 'can only access leases in the "kube-node-lease" system namespace');
  }
  checkName(request, node, "can only access node lease with the same name as the requesting node");
}

function checkName(request: AdmissionRequest, node: string, why: string): void {
  if (nameOf(request) !== node) throw refuse(request, why);
}

function checkSlice(request: AdmissionRequest, node: string): void {
  const { operation } = request;
  if (operation !== "CREATE" && operation !== "DELETE") return;
  const slice = operation === "CREATE" ? request.object : request.previous;
  if (childString(childObject(slice, "spec"), "nodeName") === node) return;
  const verb = operation === "CREATE" ? "create" : "delete";
  const why = `can only ${verb} ResourceSlice with the same NodeName as the requesting node`;
  throw refuse(request, why);
}

function checkToken(
  request: AdmissionRequest,
  node: string,
  { objects, authorizer }: { readonly objects: ObjectSource; readonly authorizer: Authorizer },
): void {
  if (request.operation !== "CREATE" || request.subresource !== "token") return;
  const spec = childObject(request.object, "spec");
  const reference = childObject(spec, "boundObjectRef");
  const name = childString(reference, "name") ?? "";
  if (reference?.["apiVersion"] !== "v1" || reference["kind"] !== "Pod" || name === "") {
    throw refuse(request, "node requested token not bound to a pod");
  }
  const uid = childString(reference, "uid") ?? "";
  if (uid === "") throw refuse(request, "node requested token with a pod binding without a uid");
  const pod = objects.get("pods", "", request.namespace, name);
  if (pod === undefined) throw notFound({ group: "", plural: "pods" }, name);
  if (childString(childObject(pod, "metadata"), "uid") !== uid) {
    throw refuse(
      request,
      `the UID in the bound object reference (${uid}) does not match the UID in record. The object might have been deleted and then recreated`,
    );
  }
  if (childString(childObject(pod, "spec"), "nodeName") !== node) {
    throw refuse(request, "node requested token bound to a pod scheduled on a different node");
  }
  checkAudience(request, pod, authorizer);
}

/** A node asks only for audiences that the pod itself asks for, or that it was given by a role. */
function checkAudience(request: AdmissionRequest, pod: JsonObject, authorizer: Authorizer): void {
  const audiences = childList(childObject(request.object, "spec"), "audiences");
  if (audiences.length > 1) throw refuse(request, "node may only request 0 or 1 audiences");
  const wanted = typeof audiences[0] === "string" ? audiences[0] : "";
  const mentioned = childList(childObject(pod, "spec"), "volumes")
    .filter(isJsonObject)
    .flatMap((it) => childList(childObject(it, "projected"), "sources"))
    .some((it) => {
      const token = isJsonObject(it) ? childObject(it, "serviceAccountToken") : undefined;
      return token !== undefined && (childString(token, "audience") ?? "") === wanted;
    });
  if (mentioned) return;
  const decision = authorizer.authorize({
    user: request.user,
    verb: "request-serviceaccounts-token-audience",
    group: "",
    version: "v1",
    resource: wanted,
    subresource: "",
    namespace: request.namespace,
    name: request.name,
    path: "",
  });
  if (wanted !== "" && decision.allowed) return;
  throw refuse(
    request,
    `audience ${JSON.stringify(wanted)} not found in pod spec volume, ${request.user.name} is not authorized to request tokens for this audience`,
  );
}
