import type { Pod } from "#api/gen/types.ts";

/** Where containers of `gantry run` live, unless another namespace is asked for. */
export const containerNamespace = "containers";

export const managedByLabel = "app.kubernetes.io/managed-by";
export const managedBy = "gantry-run";
/** On a container's pod: the name of the pod. What belongs to just one container is selected by it. */
export const containerLabel = "gantry.dev/container";
/** On pods and on the policy of a network; followed by the network's name. */
export const networkLabelPrefix = "gantry.dev/network-";
/** On the policy that stands for a network: its name. */
export const networkLabel = "gantry.dev/network";

/** The container's name as the user wrote it. */
export const nameAnnotation = "gantry.dev/container-name";
/** 64 digits, which stay when a container is started again. */
export const idAnnotation = "gantry.dev/container-id";
/** All `--label`s as JSON: not all can be labels of a pod. */
export const labelsAnnotation = "gantry.dev/container-labels";
/** The image as the user wrote it. */
export const imageAnnotation = "gantry.dev/container-image";
/** Entry point and command of the image, as JSON, where they are known. */
export const imageCommandAnnotation = "gantry.dev/image-command";
/** Seconds after its end at which a container is removed by the cluster. */
export const removeAnnotation = "gantry.dev/remove-after-seconds";
/** Volumes of the pod, with commas between them, that get what the image has at their place. */
export const fillAnnotation = "gantry.dev/fill-volumes";
/** The name of a volume as the user wrote it. */
export const volumeAnnotation = "gantry.dev/volume-name";

/** On a pod whose processes are frozen. */
export const pausedAnnotation = "gantry.dev/paused";
/** Followed by a container's name: `user[:group]`, of whom one is a name of the image. */
export const userAnnotationPrefix = "user.gantry.dev/";

/** Followed by a container's name: limits of its processes; `cri/containerd/process-limits.ts`. */
export const limitsAnnotationPrefix = "limits.gantry.dev/";

/** Selects every pod of `gantry run`. */
export const containerSelector = `${managedByLabel}=${managedBy},${containerLabel}`;

export function isPaused(pod: Pod): boolean {
  return pod.metadata?.annotations?.[pausedAnnotation] === "true";
}
