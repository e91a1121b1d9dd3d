import { childList, childObject, childString, isJsonObject, type JsonObject } from "#api/object.ts";
import type { Attributes, Authorizer, Decision, ObjectSource } from "#apiserver/contract.ts";
import { rulesAllow } from "#apiserver/auth/rbac/rules.ts";
import { nodeOf } from "#apiserver/auth/users.ts";
import { nodeRules } from "./node-rules.ts";
import { podReferences, type PodReferences } from "./pod-references.ts";

const allowed: Decision = { allowed: true, reason: "" };
const noOpinion: Decision = { allowed: false, reason: "" };

const readVerbs = ["get", "list", "watch"];
const ownVerbs = ["get", "create", "update", "patch", "delete"];

/**
 * What a node (`system:node:<name>` in `system:nodes`) may do: run its own pods, and read only what
 * they refer to. Has no opinion about anybody else. Upstream: `plugin/pkg/auth/authorizer/node`.
 */
export class NodeAuthorizer implements Authorizer {
  readonly #objects: ObjectSource;
  readonly #references = new WeakMap<JsonObject, PodReferences>();

  constructor(objects: ObjectSource) {
    this.#objects = objects;
  }

  authorize(attributes: Attributes): Decision {
    const node = nodeOf(attributes.user);
    if (node === undefined) return noOpinion;
    if (node === "") return deny(`unknown node for user ${JSON.stringify(attributes.user.name)}`);
    return this.#ofResource(node, attributes) ?? byRules(attributes);
  }

  /** Undefined for resources that the fixed rules decide. */
  #ofResource(node: string, it: Attributes): Decision | undefined {
    switch (it.group === "" ? it.resource : `${it.resource}.${it.group}`) {
      case "secrets":
      case "configmaps":
        return this.#readNamed(node, it);
      case "persistentvolumeclaims":
        return it.subresource === "status" ? this.#updateStatus(node, it) : this.#getOne(node, it);
      case "persistentvolumes":
      case "resourceclaims.resource.k8s.io":
      case "volumeattachments.storage.k8s.io":
        return this.#getOne(node, it);
      case "serviceaccounts":
        return this.#serviceAccount(node, it);
      case "leases.coordination.k8s.io":
        return ofLease(node, it);
      case "csinodes.storage.k8s.io":
        return ofCsiNode(node, it);
      case "resourceslices.resource.k8s.io":
        return this.#resourceSlice(node, it);
      case "nodes":
        return ofNode(node, it);
      case "pods":
        return this.#pod(node, it);
      default:
        return undefined;
    }
  }

  #readNamed(node: string, it: Attributes): Decision {
    if (!readVerbs.includes(it.verb)) return deny("can only read resources of this type");
    if (it.subresource !== "") return deny("cannot read subresource");
    if (it.namespace === "") return deny("can only read namespaced object of this type");
    return this.#related(node, it);
  }

  #getOne(node: string, it: Attributes): Decision {
    if (it.verb !== "get") return deny("can only get individual resources of this type");
    if (it.subresource !== "") return deny("cannot get subresource");
    return this.#related(node, it);
  }

  #updateStatus(node: string, it: Attributes): Decision {
    if (it.verb !== "update" && it.verb !== "patch") {
      return deny("can only get/update/patch this type");
    }
    return this.#related(node, it);
  }

  #serviceAccount(node: string, it: Attributes): Decision {
    if (it.verb === "get" && it.subresource === "") return this.#readNamed(node, it);
    if (it.verb !== "create" || it.name === "") {
      return deny("can only create tokens for individual service accounts");
    }
    if (it.subresource !== "token") {
      return deny("can only create token subresource of serviceaccount");
    }
    return this.#related(node, it);
  }

  #resourceSlice(node: string, it: Attributes): Decision {
    if (it.subresource !== "") return deny("cannot authorize ResourceSlice subresources");
    // NodeRestriction admission looks at the content of what is created.
    if (it.verb === "create") return allowed;
    if (["watch", "list", "deletecollection"].includes(it.verb)) {
      if (selects(it.fieldSelector, "spec.nodeName", node)) return allowed;
      return deny(
        "can only list/watch/deletecollection resourceslices with nodeName field selector",
      );
    }
    const slice = this.#objects.get("resourceslices", "resource.k8s.io", "", it.name);
    return childString(childObject(slice, "spec"), "nodeName") === node ? allowed : unrelated(node);
  }

  #pod(node: string, it: Attributes): Decision {
    // NodeRestriction admission holds these to the node's own pods.
    if (it.subresource === "status") return allowIf(it.verb === "update" || it.verb === "patch");
    if (it.subresource === "eviction") return allowIf(it.verb === "create");
    if (it.subresource !== "") return noOpinion;
    if (it.verb === "create" || it.verb === "delete") return allowed;
    if (it.verb === "get") return this.#related(node, it);
    if (it.verb !== "list" && it.verb !== "watch") return noOpinion;
    if (selects(it.fieldSelector, "spec.nodeName", node)) return allowed;
    if (it.name !== "") return this.#related(node, it);
    return deny("can only list/watch pods with spec.nodeName field selector");
  }

  #related(node: string, it: Attributes): Decision {
    if (it.name === "") return deny("No Object name found");
    return this.#isRelated(node, it) ? allowed : unrelated(node);
  }

  #isRelated(node: string, it: Attributes): boolean {
    switch (it.resource) {
      case "pods": {
        const pod = this.#objects.get("pods", "", it.namespace, it.name);
        return childString(childObject(pod, "spec"), "nodeName") === node;
      }
      case "secrets":
        return (
          this.#anyPod(node, it.namespace, (pod) => pod.secrets.has(it.name)) ||
          this.#isServed(it.namespace, it.name)
        );
      case "configmaps":
        return this.#anyPod(node, it.namespace, (pod) => pod.configMaps.has(it.name));
      case "persistentvolumeclaims":
        return this.#anyPod(node, it.namespace, (pod) => pod.claims.has(it.name));
      case "resourceclaims":
        return this.#anyPod(node, it.namespace, (pod) => pod.resourceClaims.has(it.name));
      case "serviceaccounts":
        return this.#anyPod(node, it.namespace, (pod) => pod.serviceAccount === it.name);
      case "persistentvolumes":
        return this.#usesVolume(node, it.name);
      case "volumeattachments": {
        const found = this.#objects.get("volumeattachments", it.group, "", it.name);
        return childString(childObject(found, "spec"), "nodeName") === node;
      }
      default:
        return false;
    }
  }

  #anyPod(node: string, namespace: string, test: (pod: PodReferences) => boolean): boolean {
    return this.#objects.podsOnNode(node).some((pod) => {
      const home = childString(childObject(pod, "metadata"), "namespace");
      return home === namespace && test(this.#referencesOf(pod));
    });
  }

  /** Every node serves the Ingresses of our classes, with the certificates that they name. */
  #isServed(namespace: string, secret: string): boolean {
    const group = "networking.k8s.io";
    return this.#objects.list("ingresses", group, namespace).some((ingress) => {
      const spec = childObject(ingress, "spec");
      const names = childList(spec, "tls").filter(isJsonObject);
      if (!names.some((it) => childString(it, "secretName") === secret)) return false;
      const name = childString(spec, "ingressClassName");
      if (name === undefined) {
        const annotations = childObject(childObject(ingress, "metadata"), "annotations");
        return annotations?.["kubernetes.io/ingress.class"] === "gantry";
      }
      const found = childObject(this.#objects.get("ingressclasses", group, "", name), "spec");
      return childString(found, "controller") === "gantry.dev/ingress";
    });
  }

  #usesVolume(node: string, volume: string): boolean {
    const found = this.#objects.get("persistentvolumes", "", "", volume);
    const claim = childObject(childObject(found, "spec"), "claimRef");
    const namespace = childString(claim, "namespace");
    const name = childString(claim, "name");
    if (namespace === undefined || name === undefined) return false;
    return this.#anyPod(node, namespace, (pod) => pod.claims.has(name));
  }

  #referencesOf(pod: JsonObject): PodReferences {
    const known = this.#references.get(pod);
    if (known !== undefined) return known;
    const made = podReferences(pod);
    this.#references.set(pod, made);
    return made;
  }
}

function ofNode(node: string, it: Attributes): Decision {
  // NodeRestriction admission holds writes to the node's own object.
  if (it.subresource === "status") return allowIf(it.verb === "update" || it.verb === "patch");
  if (it.subresource !== "") return noOpinion;
  if (["create", "update", "patch"].includes(it.verb)) return allowed;
  if (!readVerbs.includes(it.verb)) return noOpinion;
  if (it.name === node) return allowed;
  const what = it.name === "" ? "all nodes" : `'${it.name}'`;
  return deny(`node '${node}' cannot read ${what}, only its own Node object`);
}

function ofLease(node: string, it: Attributes): Decision {
  if (!ownVerbs.includes(it.verb)) {
    return deny("can only get, create, update, patch, or delete a node lease");
  }
  if (it.namespace !== "kube-node-lease") {
    return deny('can only access leases in the "kube-node-lease" system namespace');
  }
  // The name of what is created is not known yet; NodeRestriction admission checks it.
  if (it.verb === "create" || it.name === node) return allowed;
  return deny("can only access node lease with the same name as the requesting node");
}

function ofCsiNode(node: string, it: Attributes): Decision {
  if (!ownVerbs.includes(it.verb)) {
    return deny("can only get, create, update, patch, or delete a CSINode");
  }
  if (it.subresource !== "") return deny("cannot authorize CSINode subresources");
  if (it.verb === "create" || it.name === node) return allowed;
  return deny("can only access CSINode with the same name as the requesting node");
}

function byRules(attributes: Attributes): Decision {
  return rulesAllow(nodeRules, attributes) ? allowed : noOpinion;
}

function unrelated(node: string): Decision {
  return deny(`no relationship found between node '${node}' and this object`);
}

function deny(reason: string): Decision {
  return { allowed: false, reason };
}

function allowIf(condition: boolean): Decision {
  return condition ? allowed : noOpinion;
}

/** Whether a field selector holds its result to `field` being `value`. */
function selects(selector: string | undefined, field: string, value: string): boolean {
  if (selector === undefined) return false;
  const wanted = [`${field}=${value}`, `${field}==${value}`];
  return selector.split(",").some((it) => wanted.includes(it.trim()));
}
