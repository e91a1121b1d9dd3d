import type { FieldError } from "#api/field.ts";
import type { Binding, Container, Pod, PodSpec, ResourceRequirements } from "#api/gen/types.ts";
import type { JsonObject } from "#api/object.ts";
import { bumpGeneration, keepField, keepMetadata } from "#api/rules/compose.ts";
import { semanticEqual } from "#api/rules/equality.ts";
import { Faults } from "#api/rules/faults.ts";
import type { Loose } from "#api/rules/rules.ts";
import { qosClassOf } from "./qos.ts";

/** Faults of the body of `pods/{name}/binding`. Upstream: `ValidatePodBinding`. */
export function validateBinding(binding: Loose<Binding>): FieldError[] {
  const at = new Faults();
  const kind = binding.target?.kind ?? "";
  if (kind !== "" && kind !== "Node") {
    at.notSupported("target.kind", kind, ["Node", "<empty>"]);
  }
  if ((binding.target?.name ?? "") === "") at.required("target.name");
  return at.errors;
}

/**
 * Leaves of a write to `pods/{name}/ephemeralcontainers` only `spec.ephemeralContainers`. Changes
 * `next`, which the request owns.
 */
export function prepareEphemeralContainers(next: JsonObject, previous: JsonObject): void {
  const containers = specOf(next)["ephemeralContainers"];
  takeOver(next, previous);
  const spec = { ...specOf(previous) };
  keepField(spec, { ephemeralContainers: containers }, "ephemeralContainers");
  next["spec"] = spec;
  if (!semanticEqual(next["spec"], previous["spec"])) bumpGeneration(next);
}

/** Upstream: `ValidatePodEphemeralContainersUpdate`, beyond the checks of any pod. */
export function validateEphemeralContainersUpdate(
  next: Loose<Pod>,
  previous: Loose<Pod>,
): FieldError[] {
  const at = new Faults();
  if (isMirror(previous)) {
    at.forbidden("", "static pods do not support ephemeral containers");
    return at.errors;
  }
  for (const old of previous.spec?.ephemeralContainers ?? []) {
    const name = JSON.stringify(old.name ?? "");
    const now = (next.spec?.ephemeralContainers ?? []).find((it) => it.name === old.name);
    const field = "spec.ephemeralContainers";
    if (now === undefined) {
      at.forbidden(field, `existing ephemeral containers ${name} may not be removed\n`);
    } else if (!semanticEqual(now, old)) {
      at.forbidden(field, `existing ephemeral containers ${name} may not be changed\n`);
    }
  }
  return at.errors;
}

/**
 * Leaves of a write to `pods/{name}/resize` only the resources and resize policies. A change of the
 * list of containers is left for validation to refuse. Changes `next`, which the request owns.
 */
export function prepareResize(next: JsonObject, previous: JsonObject): void {
  const [spec, old] = [specOf(next), specOf(previous)];
  const kept: JsonObject = { ...old };
  for (const list of ["containers", "initContainers"]) {
    const merged = withResources(spec[list], old[list]);
    if (merged === undefined) return;
    keepField(kept, { [list]: merged }, list);
  }
  keepField(kept, spec, "resources");
  takeOver(next, previous);
  next["spec"] = kept;
  if (!semanticEqual(kept, old)) bumpGeneration(next);
}

// Undefined when the containers are not the same ones.
function withResources(next: unknown, previous: unknown): JsonObject[] | undefined {
  const [list, old] = [objects(next), objects(previous)];
  if (list.length !== old.length) return undefined;
  const merged: JsonObject[] = [];
  for (const [i, it] of list.entries()) {
    const before = old[i] ?? {};
    if (it["name"] !== before["name"]) return undefined;
    const container = { ...before };
    keepField(container, it, "resources");
    keepField(container, it, "resizePolicy");
    merged.push(container);
  }
  return merged;
}

function objects(value: unknown): JsonObject[] {
  return Array.isArray(value) ? (value as JsonObject[]) : [];
}

type ContainerList = "containers" | "initContainers";

/** Upstream: `ValidatePodResize`, beyond the checks of any pod. */
export function validateResize(next: Loose<Pod>, previous: Loose<Pod>): FieldError[] {
  const at = new Faults();
  if (isMirror(previous)) {
    at.forbidden("", "static pods cannot be resized");
  } else if (previous.spec?.os?.name === "windows") {
    at.forbidden("", "windows pods cannot be resized");
  } else {
    checkResizable(next, previous, at);
    checkResizedSpec(next.spec ?? {}, previous.spec ?? {}, at);
  }
  return at.errors;
}

function checkResizable(next: Loose<Pod>, previous: Loose<Pod>, at: Faults): void {
  const qos = previous.status?.qosClass ?? qosClassOf(previous.spec ?? {});
  if (qos !== qosClassOf(next.spec ?? {})) {
    at.invalid("spec", qos, "Pod QOS Class may not change as a result of resizing");
  }
  const running = (previous.status?.containerStatuses ?? []).find(
    (it) => it.state?.running !== undefined,
  );
  if (running !== undefined && running.resources === undefined) {
    at.forbidden("spec", "Pod running on node without support for resize");
  }
}

function checkResizedSpec(spec: Loose<PodSpec>, old: Loose<PodSpec>, at: Faults): void {
  at.enter("spec");
  for (const list of ["containers", "initContainers"] as const) {
    if (checkOrder(list, spec[list] ?? [], old[list] ?? [], at)) {
      checkResized(list, spec[list] ?? [], old[list] ?? [], at);
    }
  }
  checkPodLevel(spec.resources, old.resources, at);
  at.leave();
}

function checkOrder(
  list: ContainerList,
  containers: readonly Loose<Container>[],
  old: readonly Loose<Container>[],
  at: Faults,
): boolean {
  if (containers.length !== old.length) {
    at.forbidden(list, `${list} may not be added or removed on resize`);
    return false;
  }
  const before = at.errors.length;
  for (const [i, it] of containers.entries()) {
    if (it.name === old[i]?.name) continue;
    at.forbidden(`${list}[${i}].name`, `${list} may not be renamed or reordered on resize`);
  }
  return at.errors.length === before;
}

function checkResized(
  list: ContainerList,
  containers: readonly Loose<Container>[],
  old: readonly Loose<Container>[],
  at: Faults,
): void {
  for (const [i, it] of containers.entries()) {
    const before = old[i] ?? {};
    if (list === "initContainers" && before.restartPolicy !== "Always") {
      if (!semanticEqual(it, before)) {
        at.forbidden("", "resources for non-sidecar init containers are immutable");
      }
      continue;
    }
    for (const kind of ["requests", "limits"] as const) {
      if (!isRemoved(it.resources?.[kind], before.resources?.[kind])) continue;
      at.forbidden(`${list}[${i}].resources.${kind}`, `resource ${kind} cannot be removed`);
    }
    if (!semanticEqual(withoutComputed(it), withoutComputed(before))) {
      const isInit = list === "initContainers";
      const place = isInit ? `${list}[${i}]` : "";
      const what = isInit ? " for init or sidecar containers" : "";
      at.forbidden(place, `only cpu and memory resources${what} are mutable`);
    }
  }
}

function checkPodLevel(
  resources: Loose<ResourceRequirements> | undefined,
  old: Loose<ResourceRequirements> | undefined,
  at: Faults,
): void {
  if (old === undefined) return;
  if (resources === undefined) {
    at.forbidden("resources", "pod-level resources cannot be removed");
    return;
  }
  for (const kind of ["requests", "limits"] as const) {
    if (!isRemoved(resources[kind], old[kind])) continue;
    at.forbidden(`resources.${kind}`, `pod-level resource ${kind} cannot be removed`);
  }
}

type ResourceList = Readonly<Record<string, string>>;

function isRemoved(list: ResourceList | undefined, old: ResourceList | undefined): boolean {
  return Object.keys(old ?? {}).some((name) => list?.[name] === undefined);
}

function withoutComputed(container: Loose<Container>): Loose<Container> {
  const { requests, limits } = container.resources ?? {};
  return {
    ...container,
    resizePolicy: undefined,
    resources: {
      ...container.resources,
      requests: { ...requests, cpu: "", memory: "" },
      limits: { ...limits, cpu: "", memory: "" },
    },
  };
}

function isMirror(pod: Loose<Pod>): boolean {
  return pod.metadata?.annotations?.["kubernetes.io/config.mirror"] !== undefined;
}

function specOf(object: JsonObject): JsonObject {
  return (object["spec"] ?? {}) as JsonObject;
}

function takeOver(next: JsonObject, previous: JsonObject): void {
  keepField(next, previous, "status");
  keepMetadata(next, previous);
}
