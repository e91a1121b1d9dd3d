import type { Container, Pod } from "#api/gen/types.ts";
import type { ContainerStatus } from "#cri/runtime.ts";

/** How a container takes part in its pod's life. A sidecar is an init container that stays. */
export type ContainerRole = "init" | "sidecar" | "regular" | "ephemeral";

export interface PodContainer {
  readonly spec: Container;
  readonly role: ContainerRole;
}

/** The container's name in the labels that other CRI clients (crictl) read as well. */
export const containerLabels = {
  podName: "io.kubernetes.pod.name",
  podNamespace: "io.kubernetes.pod.namespace",
  podUid: "io.kubernetes.pod.uid",
  name: "io.kubernetes.container.name",
} as const;

/** What a restarted agent must know of a container, kept with it in the runtime. */
export const containerAnnotations = {
  hash: "io.kubernetes.container.hash",
  messagePath: "io.kubernetes.container.terminationMessagePath",
  messagePolicy: "io.kubernetes.container.terminationMessagePolicy",
  /** Host path of the file behind the message path. */
  messageFile: "node.gantry/termination-message-file",
  /** How long the next instance waits after this one's end, in milliseconds. */
  backoffMs: "node.gantry/restart-backoff-ms",
} as const;

/** `web_default(uid)`, as upstream writes it in messages. */
export function podTitle({ metadata }: Pod): string {
  const { name = "", namespace = "", uid = "" } = metadata ?? {};
  return `${name}_${namespace}(${uid})`;
}

/** True for an init container that runs beside the others (`restartPolicy: Always`). */
export function isSidecar(container: Container): boolean {
  return container.restartPolicy === "Always";
}

/** Init containers in their order, sidecars among them. */
export function initContainersOf(pod: Pod): readonly PodContainer[] {
  return (pod.spec?.initContainers ?? []).map((spec) => ({
    spec,
    role: isSidecar(spec) ? "sidecar" : "init",
  }));
}

export function regularContainersOf(pod: Pod): readonly PodContainer[] {
  return (pod.spec?.containers ?? []).map((spec) => ({ spec, role: "regular" }));
}

export function ephemeralContainersOf(pod: Pod): readonly PodContainer[] {
  return (pod.spec?.ephemeralContainers ?? []).map((spec) => ({ spec, role: "ephemeral" }));
}

/** Every container of the pod: init, regular, ephemeral. */
export function allContainersOf(pod: Pod): readonly PodContainer[] {
  return [...initContainersOf(pod), ...regularContainersOf(pod), ...ephemeralContainersOf(pod)];
}

/** The container with this name, or undefined. */
export function findContainer(pod: Pod, name: string): PodContainer | undefined {
  return allContainersOf(pod).find((it) => it.spec.name === name);
}

/**
 * What of a container's definition makes a new instance necessary when it changes: name and image
 * (upstream `pkg/kubelet/container/helpers.go`, pickFieldsToHash).
 */
export function containerHash(container: Container): string {
  return `${container.name}=${container.image ?? ""}`;
}

/** Instances of one container, newest first, from a list that is newest first. */
export function instancesOf(
  containers: readonly ContainerStatus[],
  name: string,
): readonly ContainerStatus[] {
  return containers.filter((it) => it.metadata.name === name);
}

/** Orders containers newest first; a higher attempt wins where the times are equal. */
export function newestFirst(left: ContainerStatus, right: ContainerStatus): number {
  return right.createdAtMs - left.createdAtMs || right.metadata.attempt - left.metadata.attempt;
}
