import type { Container, Pod, ResourceRequirements } from "#api/gen/types.ts";
import { findQuantity } from "#api/quantity.ts";

/**
 * The resources that the node has granted a pod. They follow the pod's spec once the node has room
 * for what it asks. Upstream: `pkg/kubelet/allocation/allocation_manager.go`.
 */
export interface Allocation {
  readonly pod: ResourceRequirements | undefined;
  /** By container name; init containers among them. */
  readonly containers: ReadonlyMap<string, ResourceRequirements>;
}

/** What each running container, and the pod as a whole, is held to by the kernel. */
export interface Actuated {
  /** By container id. An id that is missing has what was granted. */
  readonly containers: ReadonlyMap<string, ResourceRequirements>;
  readonly pod: ResourceRequirements | undefined;
  /**
   * Of the pod's own group: `granted` before it has room for what was granted, `grown` while it has
   * room for the old amounts too, `settled` when it is held to what was granted.
   */
  readonly group: "granted" | "grown" | "settled";
}

/** What the pod asks for. */
export function allocationOf(pod: Pod): Allocation {
  const { initContainers = [], containers = [], resources } = pod.spec ?? {};
  return {
    pod: resources,
    containers: new Map(
      [...initContainers, ...containers].map((it) => [it.name, it.resources ?? {}]),
    ),
  };
}

/**
 * What a pod that ran before this agent began was granted: what its status says it runs with, or
 * what it asks for where it does not run yet.
 */
export function recoveredAllocation(pod: Pod): Allocation {
  const asked = allocationOf(pod);
  const { containerStatuses = [], initContainerStatuses = [], resources } = pod.status ?? {};
  const containers = new Map(asked.containers);
  for (const status of [...initContainerStatuses, ...containerStatuses]) {
    const isRunning = status.state?.running !== undefined;
    if (isRunning && status.resources !== undefined && containers.has(status.name)) {
      containers.set(status.name, status.resources);
    }
  }
  return { pod: asked.pod === undefined ? undefined : (resources ?? asked.pod), containers };
}

/** What the containers of such a pod are held to, by their ids. */
export function recoveredActuation(pod: Pod): {
  containers: Map<string, ResourceRequirements>;
  pod: ResourceRequirements | undefined;
  group: Actuated["group"];
} {
  const containers = new Map<string, ResourceRequirements>();
  const { containerStatuses = [], initContainerStatuses = [], resources } = pod.status ?? {};
  for (const { containerID, resources: actual } of [
    ...initContainerStatuses,
    ...containerStatuses,
  ]) {
    const id = containerID?.split("://")[1];
    if (id !== undefined && actual !== undefined) containers.set(id, actual);
  }
  const asked = pod.spec?.resources;
  const ofPod = asked === undefined ? undefined : (resources ?? asked);
  return { containers, pod: ofPod, group: "settled" };
}

/** The pod with the granted resources in its spec; the same object where nothing differs. */
export function withAllocation(pod: Pod, allocation: Allocation): Pod {
  if (pod.spec === undefined || isGranted(pod, allocation)) return pod;
  const granted = (container: Container): Container => {
    const resources = allocation.containers.get(container.name);
    return resources === undefined ? container : { ...container, resources };
  };
  const { containers, initContainers } = pod.spec;
  return {
    ...pod,
    spec: {
      ...pod.spec,
      ...(allocation.pod === undefined ? {} : { resources: allocation.pod }),
      ...(initContainers === undefined ? {} : { initContainers: initContainers.map(granted) }),
      containers: containers.map(granted),
    },
  };
}

/** True when the pod asks for what it was granted. */
export function isGranted(pod: Pod, allocation: Allocation): boolean {
  const asked = allocationOf(pod);
  return (
    sameResources(asked.pod, allocation.pod) &&
    [...asked.containers].every(([name, it]) => sameResources(it, allocation.containers.get(name)))
  );
}

const kinds = ["requests", "limits"] as const;
const resizable = ["cpu", "memory"] as const;
type Resizable = (typeof resizable)[number];

/** The resources whose request or limit differ; amounts count, not how they are written. */
export function differing(
  left: ResourceRequirements | undefined,
  right: ResourceRequirements | undefined,
): readonly Resizable[] {
  return resizable.filter((name) =>
    kinds.some((kind) => !sameAmount(left?.[kind]?.[name], right?.[kind]?.[name])),
  );
}

export function sameResources(
  left: ResourceRequirements | undefined,
  right: ResourceRequirements | undefined,
): boolean {
  return differing(left, right).length === 0;
}

function sameAmount(left: string | undefined, right: string | undefined): boolean {
  if (left === right) return true;
  const [a, b] = [findQuantity(left ?? "0"), findQuantity(right ?? "0")];
  return a !== undefined && b !== undefined && a.compare(b) === 0;
}

/** What an event tells of a resize: `Pod resize started: {"containers":[…],"generation":2}`. */
export function resizeMessage(what: string, pod: Pod, generation: number, error?: string): string {
  const { initContainers = [], containers = [] } = pod.spec ?? {};
  const summary = ({ name, resources = {} }: Container): object => ({ name, resources });
  const text = JSON.stringify({
    ...(initContainers.length === 0 ? {} : { initContainers: initContainers.map(summary) }),
    containers: containers.map(summary),
    generation,
    ...(error === undefined || error === "" ? {} : { error }),
  });
  return `Pod resize ${what}: ${text}`;
}
