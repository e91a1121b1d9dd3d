import { childList, childObject, childString, ensureObject, type JsonObject } from "#api/object.ts";
import { findQuantity, type Quantity } from "#api/quantity.ts";
import { parseTime } from "#api/time.ts";
import type { AdmissionRule, ObjectSource } from "#apiserver/contract.ts";
import { annotation, isAbout, refuse, specOf } from "./request.ts";

const group = "storage.k8s.io";
const defaultClassAnnotation = "storageclass.kubernetes.io/is-default-class";

/** A claim that names no class gets the default one: the newest, when there are several. */
export function defaultStorageClass(objects: ObjectSource): AdmissionRule {
  return {
    name: "DefaultStorageClass",
    mutate(request) {
      const { object } = request;
      if (request.operation !== "CREATE" || object === undefined) return;
      if (!isAbout(request, "", "persistentvolumeclaims")) return;
      const spec = specOf(object);
      // An empty name is a choice as well: no class.
      if (spec["storageClassName"] !== undefined) return;
      if (annotation(object, "volume.beta.kubernetes.io/storage-class") !== undefined) return;
      const found = newest(
        objects
          .list("storageclasses", group)
          .filter((it) => annotation(it, defaultClassAnnotation) === "true"),
      );
      if (found !== undefined) spec["storageClassName"] = nameOf(found);
    },
  };
}

/**
 * A claim grows only where its class says that volumes may. Upstream:
 * `plugin/pkg/admission/storage/persistentvolume/resize`.
 */
export function claimResize(objects: ObjectSource): AdmissionRule {
  return {
    name: "PersistentVolumeClaimResize",
    validate(request) {
      const { object, previous } = request;
      if (request.operation !== "UPDATE" || object === undefined || previous === undefined) return;
      if (!isAbout(request, "", "persistentvolumeclaims")) return;
      const [next, before] = [storageOf(object), storageOf(previous)];
      if (next === undefined || before === undefined || next.compare(before) <= 0) return;
      if (childString(childObject(previous, "status"), "phase") !== "Bound") {
        throw refuse(request, "Only bound persistent volume claims can be expanded");
      }
      const name =
        annotation(previous, "volume.beta.kubernetes.io/storage-class") ??
        childString(childObject(previous, "spec"), "storageClassName") ??
        "";
      const found = name === "" ? undefined : objects.get("storageclasses", group, "", name);
      if (found?.["allowVolumeExpansion"] === true) return;
      throw refuse(
        request,
        "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize",
      );
    },
  };
}

function storageOf(claim: JsonObject): Quantity | undefined {
  const requests = childObject(childObject(childObject(claim, "spec"), "resources"), "requests");
  return findQuantity(childString(requests, "storage") ?? "");
}

/** An Ingress that names no class gets the default one. */
export function defaultIngressClass(objects: ObjectSource): AdmissionRule {
  return {
    name: "DefaultIngressClass",
    mutate(request) {
      const { object } = request;
      if (request.operation !== "CREATE" || object === undefined) return;
      if (!isAbout(request, "networking.k8s.io", "ingresses")) return;
      const spec = specOf(object);
      if (spec["ingressClassName"] !== undefined) return;
      if (annotation(object, "kubernetes.io/ingress.class") !== undefined) return;
      const key = "ingressclass.kubernetes.io/is-default-class";
      const found = newest(
        objects
          .list("ingressclasses", "networking.k8s.io")
          .filter((it) => annotation(it, key) === "true"),
      );
      if (found !== undefined) spec["ingressClassName"] = nameOf(found);
    },
  };
}

const protection = new Map([
  ["/persistentvolumes", "kubernetes.io/pv-protection"],
  ["/persistentvolumeclaims", "kubernetes.io/pvc-protection"],
  [`${group}/volumeattributesclasses`, "kubernetes.io/vac-protection"],
]);

/**
 * Holds volumes and claims until nobody uses them. Only for servers beside which the controllers
 * run that take the finalizers away again.
 */
export const storageObjectInUseProtection: AdmissionRule = {
  name: "StorageObjectInUseProtection",
  mutate({ object, operation, resource, subresource }) {
    const finalizer = protection.get(`${resource.group}/${resource.plural}`);
    if (finalizer === undefined || object === undefined) return;
    if (operation !== "CREATE" || subresource !== "") return;
    const metadata = ensureObject(object, "metadata");
    const finalizers = childList(metadata, "finalizers");
    if (!finalizers.includes(finalizer)) metadata["finalizers"] = [...finalizers, finalizer];
  },
};

function newest(classes: readonly JsonObject[]): JsonObject | undefined {
  return [...classes].sort((left, right) => {
    const age = createdAt(right) - createdAt(left);
    if (age !== 0) return age;
    return nameOf(left) < nameOf(right) ? -1 : 1;
  })[0];
}

function createdAt(object: JsonObject): number {
  const created = childString(childObject(object, "metadata"), "creationTimestamp") ?? "";
  return parseTime(created) ?? 0;
}

function nameOf(object: JsonObject): string {
  return childString(childObject(object, "metadata"), "name") ?? "";
}
