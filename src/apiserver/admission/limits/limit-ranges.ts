import type { LimitRange } from "#api/gen/types.ts";
import { childObject } from "#api/object.ts";
import type { Loose } from "#api/rules/rules.ts";
import { refuse } from "#apiserver/admission/request.ts";
import type { AdmissionRequest, AdmissionRule, ObjectSource } from "#apiserver/contract.ts";
import { applyDefaults } from "./defaults.ts";
import { claimLimitFaults, joinFaults, podLimitFaults } from "./validation.ts";

/**
 * Holds pods and claims to the LimitRanges of their namespace, and gives pods the defaults in
 * them. Upstream: `plugin/pkg/admission/limitranger`.
 */
export function limitRanges(objects: ObjectSource): AdmissionRule {
  return {
    name: "LimitRanger",
    mutate(request) {
      const { object } = request;
      if (object === undefined || !isOfPods(request) || !isLimited(request)) return;
      for (const range of rangesOf(objects, request)) applyDefaults(range, object);
    },
    validate(request) {
      const { object } = request;
      if (object === undefined || !isLimited(request)) return;
      for (const range of rangesOf(objects, request)) {
        const faults = isOfPods(request)
          ? podLimitFaults(range, object)
          : claimLimitFaults(range, object);
        if (faults.length > 0) throw refuse(request, joinFaults(faults));
      }
    },
  };
}

/**
 * The resources of a pod change through its subresource `resize` only, those of a claim by an
 * update. What is on its way out is left alone.
 */
function isLimited(request: AdmissionRequest): boolean {
  const { resource, subresource, operation, previous } = request;
  if (resource.group !== "") return false;
  const ofPods = isOfPods(request);
  if (!ofPods && resource.plural !== "persistentvolumeclaims") return false;
  if (operation === "UPDATE") {
    if (subresource !== (ofPods ? "resize" : "")) return false;
  } else if (operation !== "CREATE" || subresource !== "") return false;
  return childObject(previous, "metadata")?.["deletionTimestamp"] === undefined;
}

function isOfPods({ resource }: AdmissionRequest): boolean {
  return resource.plural === "pods" && resource.group === "";
}

function rangesOf(
  objects: ObjectSource,
  { namespace }: AdmissionRequest,
): readonly Loose<LimitRange>[] {
  return objects.list("limitranges", "", namespace);
}
