import { childObject, ensureObject, type Json, type JsonObject } from "#api/object.ts";
import { FieldPath, invalid } from "#api/field.ts";
import { apiVersionOf } from "#api/resource.ts";
import { badRequest, invalidObject } from "#api/status.ts";
import { formatLabelSelector, labelSelectorOf } from "#api/selector/label.ts";
import type { Kind } from "./kind.ts";
import { metadataOf, nameOf } from "./metadata.ts";

export const scaleType = {
  apiVersion: "autoscaling/v1",
  kind: "Scale",
  type: "io.k8s.api.autoscaling.v1.Scale",
};

/** The `Scale` of a workload object: what `kubectl scale` and autoscalers read and write. */
export function scaleOf(kind: Kind, object: JsonObject): JsonObject {
  const metadata = metadataOf(object);
  const spec = childObject(object, "spec");
  const status = childObject(object, "status");
  return {
    kind: scaleType.kind,
    apiVersion: scaleType.apiVersion,
    metadata: {
      name: metadata["name"] ?? "",
      namespace: metadata["namespace"] ?? "",
      uid: metadata["uid"] ?? "",
      resourceVersion: metadata["resourceVersion"] ?? "",
      creationTimestamp: metadata["creationTimestamp"] ?? null,
    },
    spec: { replicas: spec?.["replicas"] ?? 0 },
    status: {
      replicas: status?.["replicas"] ?? 0,
      selector: selectorText(kind, spec),
    },
  };
}

/** The object with the replicas of a scale. @throws {StatusError} 422 */
export function withScale(object: JsonObject, scale: JsonObject): JsonObject {
  const replicas = childObject(scale, "spec")?.["replicas"] ?? 0;
  checkReplicas(replicas, nameOf(object));
  const given = metadataOf(scale)["resourceVersion"];
  if (typeof given === "string" && given !== "") {
    ensureObject(object, "metadata")["resourceVersion"] = given;
  }
  ensureObject(object, "spec")["replicas"] = replicas;
  return object;
}

/**
 * What a server-side apply of a scale is for the workload itself: the same replicas, under the same
 * path, so that who owns them is told in the workload's own fields. Upstream: `ScaleHandler` of
 * `apimachinery/pkg/util/managedfields`. @throws {StatusError} 400, 422
 */
export function workloadConfiguration(kind: Kind, scale: JsonObject): JsonObject {
  const { apiVersion } = scale;
  if (apiVersion !== scaleType.apiVersion) {
    const specified = typeof apiVersion === "string" ? apiVersion : "";
    throw badRequest(
      `Incorrect version specified in apply patch. Specified patch version: ${specified}, expected: ${scaleType.apiVersion}`,
    );
  }
  const { resource } = kind;
  const metadata: JsonObject = {};
  for (const field of ["name", "namespace", "uid", "resourceVersion"]) {
    const value = metadataOf(scale)[field];
    if (value !== undefined) metadata[field] = value;
  }
  const replicas = childObject(scale, "spec")?.["replicas"];
  if (replicas !== undefined) checkReplicas(replicas, nameOf(scale));
  return {
    apiVersion: apiVersionOf(resource),
    kind: resource.kind,
    metadata,
    ...(replicas === undefined ? {} : { spec: { replicas } }),
  };
}

function checkReplicas(replicas: Json, name: string): void {
  if (typeof replicas === "number" && replicas >= 0) return;
  const fault = invalid(
    new FieldPath("spec.replicas"),
    replicas,
    "must be greater than or equal to 0",
  );
  throw invalidObject({ group: "autoscaling", kind: "Scale" }, name, [fault]);
}

function selectorText(kind: Kind, spec: JsonObject | undefined): string {
  const selector = childObject(spec, "selector");
  if (selector === undefined) return "";
  // The oldest kind has a plain map where the others have a selector object.
  const isPlain = kind.resource.storageKey === "core/replicationcontrollers";
  return formatLabelSelector(labelSelectorOf(isPlain ? { matchLabels: selector } : selector));
}
