import { isDeepStrictEqual } from "node:util";
import { childList, childObject, childString, type JsonObject } from "#api/object.ts";
import type { AdmissionRequest, AdmissionRule, ObjectSource } from "#apiserver/contract.ts";
import { createdPod, refuse, specOf } from "./request.ts";

/**
 * Gives a pod what its RuntimeClass asks for: overhead, node selector, tolerations. Upstream:
 * `plugin/pkg/admission/runtimeclass`.
 */
export function runtimeClass(objects: ObjectSource): AdmissionRule {
  return {
    name: "RuntimeClass",
    mutate(request) {
      const pod = createdPod(request);
      if (pod === undefined) return;
      const spec = specOf(pod);
      const name = childString(spec, "runtimeClassName");
      if (name === undefined) {
        if (Object.keys(childObject(spec, "overhead") ?? {}).length === 0) return;
        const why = "Pod Overhead set without corresponding RuntimeClass defined Overhead";
        throw refuse(request, `pod rejected: ${why}`);
      }
      const found = objects.get("runtimeclasses", "node.k8s.io", "", name);
      if (found === undefined) {
        throw refuse(request, `pod rejected: RuntimeClass ${JSON.stringify(name)} not found`);
      }
      setOverhead(request, spec, found);
      setScheduling(request, spec, childObject(found, "scheduling"));
    },
  };
}

function setOverhead(request: AdmissionRequest, spec: JsonObject, found: JsonObject): void {
  const fixed = childObject(childObject(found, "overhead"), "podFixed");
  const given = childObject(spec, "overhead") ?? {};
  if (Object.keys(given).length > 0 && !isDeepStrictEqual({ ...given }, { ...fixed })) {
    const why = "Pod's Overhead doesn't match RuntimeClass's defined Overhead";
    throw refuse(request, `pod rejected: ${why}`);
  }
  if (fixed !== undefined) spec["overhead"] = { ...fixed };
}

function setScheduling(
  request: AdmissionRequest,
  spec: JsonObject,
  scheduling: JsonObject | undefined,
): void {
  const wanted = childObject(scheduling, "nodeSelector") ?? {};
  const has = childObject(spec, "nodeSelector") ?? {};
  for (const [key, value] of Object.entries(wanted)) {
    const own = childString(has, key);
    if (own === undefined || own === value) continue;
    const theirs = typeof value === "string" ? value : "";
    throw refuse(
      request,
      `conflict: runtimeClass.scheduling.nodeSelector[${key}] = ${theirs}; pod.spec.nodeSelector[${key}] = ${own}`,
    );
  }
  if (Object.keys(wanted).length > 0) spec["nodeSelector"] = { ...has, ...wanted };
  const tolerations = childList(spec, "tolerations");
  const added = childList(scheduling, "tolerations").filter(
    (it) => !tolerations.some((own) => isDeepStrictEqual(own, it)),
  );
  if (added.length > 0) spec["tolerations"] = [...tolerations, ...structuredClone(added)];
}
