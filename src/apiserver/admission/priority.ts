import { childObject, childString, type JsonObject } from "#api/object.ts";
import type { AdmissionRequest, AdmissionRule, ObjectSource } from "#apiserver/contract.ts";
import { isAbout, refuse, specOf } from "./request.ts";

const group = "scheduling.k8s.io";

interface Priority {
  readonly className: string;
  readonly value: number;
  readonly preemption: string;
}

/**
 * Turns a pod's `priorityClassName` into its number and policy of preemption, and allows only one
 * default class. Upstream: `plugin/pkg/admission/priority`.
 */
export function priority(objects: ObjectSource): AdmissionRule {
  return {
    name: "Priority",
    mutate(request) {
      if (!isAbout(request, "", "pods") || request.object === undefined) return;
      const spec = specOf(request.object);
      if (request.operation === "UPDATE") keepPriority(spec, request.previous);
      if (request.operation === "CREATE") setPriority(request, spec, objects);
    },
    validate(request) {
      const { object } = request;
      if (!isAbout(request, group, "priorityclasses") || object?.["globalDefault"] !== true) return;
      const current = defaultClass(objects);
      const name = current === undefined ? "" : nameOf(current);
      if (current === undefined || (request.operation === "UPDATE" && name === nameOf(object))) {
        return;
      }
      const why = `PriorityClass ${name} is already marked as default. Only one default can exist`;
      throw refuse(request, why);
    },
  };
}

function keepPriority(spec: JsonObject, previous: JsonObject | undefined): void {
  const before = childObject(previous, "spec");
  for (const field of ["priority", "preemptionPolicy"]) {
    const had = before?.[field];
    if (had !== undefined) spec[field] ??= had;
  }
}

function setPriority(request: AdmissionRequest, spec: JsonObject, objects: ObjectSource): void {
  const found = priorityOf(request, childString(spec, "priorityClassName") ?? "", objects);
  const given = spec["priority"];
  if (typeof given === "number" && given !== found.value) {
    throw refuse(
      request,
      `the integer value of priority (${given}) must not be provided in pod spec; priority admission controller computed ${found.value} from the given PriorityClass name`,
    );
  }
  const policy = childString(spec, "preemptionPolicy");
  if (policy !== undefined && policy !== found.preemption) {
    throw refuse(
      request,
      `the string value of PreemptionPolicy (${policy}) must not be provided in pod spec; priority admission controller computed ${found.preemption} from the given PriorityClass name`,
    );
  }
  if (found.className !== "") spec["priorityClassName"] = found.className;
  spec["priority"] = found.value;
  spec["preemptionPolicy"] = found.preemption;
}

function priorityOf(request: AdmissionRequest, name: string, objects: ObjectSource): Priority {
  const found =
    name === "" ? defaultClass(objects) : objects.get("priorityclasses", group, "", name);
  if (found === undefined && name !== "") {
    throw refuse(request, `no PriorityClass with name ${name} was found`);
  }
  return {
    className: found === undefined ? "" : nameOf(found),
    value: found === undefined ? 0 : valueOf(found),
    preemption: childString(found, "preemptionPolicy") ?? "PreemptLowerPriority",
  };
}

/** The default class with the lowest value, should a race have made two. */
function defaultClass(objects: ObjectSource): JsonObject | undefined {
  return objects
    .list("priorityclasses", group)
    .filter((it) => it["globalDefault"] === true)
    .sort((left, right) => valueOf(left) - valueOf(right))[0];
}

function valueOf(priorityClass: JsonObject): number {
  const value = priorityClass["value"];
  return typeof value === "number" ? value : 0;
}

function nameOf(object: JsonObject): string {
  return childString(childObject(object, "metadata"), "name") ?? "";
}
