import type { ContainerStatus as ApiStatus } from "#api/gen/types.ts";
import type { ContainerStatus } from "#cri/runtime.ts";
import { findContainer, instancesOf } from "#kubelet/pod/containers.ts";
import type { ServedPod } from "./pods.ts";

/** The instance of a container whose log is meant, or why there is none. */
export type LogInstance =
  | { readonly kind: "found"; readonly instance: ContainerStatus }
  | { readonly kind: "none"; readonly status: 400 | 404; readonly message: string };

/**
 * Pure. The messages are upstream's (`pkg/kubelet/kubelet_pods.go`, validateContainerLogStatus):
 * people and scripts search for them.
 */
export function chooseLogInstance(
  served: ServedPod,
  container: string,
  previous: boolean,
): LogInstance {
  const name = served.pod.metadata?.name ?? "";
  if (findContainer(served.pod, container) === undefined) {
    return none(404, `container "${container}" not found in pod "${name}"`);
  }
  const status = statusOf(served, container);
  const instances = instancesOf(served.observed.containers, container).filter(hasLog);
  const instance = previous ? previousOf(instances, status) : instances[0];
  if (instance !== undefined) return { kind: "found", instance };
  if (previous) {
    return none(400, `previous terminated container "${container}" in pod "${name}" not found`);
  }
  return none(400, `container "${container}" in pod "${name}" ${whyNot(status)}`);
}

/** A container that waits to run again has its last run as the previous one. */
function previousOf(
  instances: readonly ContainerStatus[],
  status: ApiStatus | undefined,
): ContainerStatus | undefined {
  const [newest, ...older] = instances;
  const isWaiting = newest?.state === "exited" && status?.state?.waiting !== undefined;
  return isWaiting ? newest : older.find((it) => it.state === "exited");
}

function hasLog(instance: ContainerStatus): boolean {
  return instance.logPath !== "" && (instance.state === "running" || instance.state === "exited");
}

function whyNot(status: ApiStatus | undefined): string {
  if (status?.state?.terminated !== undefined) return "is terminated";
  const reason = status?.state?.waiting?.reason ?? "ContainerCreating";
  if (reason === "ErrImagePull") return "is waiting to start: image can't be pulled";
  if (reason === "ImagePullBackOff") {
    return "is waiting to start: trying and failing to pull image";
  }
  return `is waiting to start: ${reason}`;
}

function statusOf({ pod }: ServedPod, container: string): ApiStatus | undefined {
  const { containerStatuses, initContainerStatuses, ephemeralContainerStatuses } = pod.status ?? {};
  return [containerStatuses, initContainerStatuses, ephemeralContainerStatuses]
    .flatMap((it) => it ?? [])
    .find((it) => it.name === container);
}

function none(status: 400 | 404, message: string): LogInstance {
  return { kind: "none", status, message };
}
