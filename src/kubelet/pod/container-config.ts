import type { Pod } from "#api/gen/types.ts";
import type { ContainerConfig, ImageStatus } from "#cri/runtime.ts";
import type { ContainerFiles } from "#kubelet/ports.ts";
import {
  containerAnnotations,
  containerHash,
  containerLabels,
  type PodContainer,
} from "./containers.ts";
import { expand } from "./expansion.ts";
import { containerResources } from "./resources.ts";
import { containerSecurity, pidNamespace } from "./security.ts";

export interface InstancePlace {
  readonly attempt: number;
  readonly backoffMs: number;
  readonly image: ImageStatus;
  readonly env: ReadonlyMap<string, string>;
  readonly files: ContainerFiles;
  readonly nodeMemoryBytes: number;
  readonly seccompDirectory: string;
  /** The instance whose processes an ephemeral container sees. */
  readonly targetContainerId: string | undefined;
}

/** One instance of a container, as the runtime is asked for it. */
export function containerConfig(
  pod: Pod,
  container: PodContainer,
  place: InstancePlace,
): ContainerConfig {
  const { spec } = container;
  const { name = "", namespace = "", uid = "" } = pod.metadata ?? {};
  const text = (it: string): string => expand(it, place.env);
  return {
    metadata: { name: spec.name, attempt: place.attempt },
    image: spec.image ?? "",
    imageId: place.image.id,
    command: (spec.command ?? []).map(text),
    args: (spec.args ?? []).map(text),
    workingDir: spec.workingDir ?? "",
    env: [...place.env].map(([key, value]) => ({ name: key, value })),
    mounts: place.files.mounts,
    labels: {
      [containerLabels.podName]: name,
      [containerLabels.podNamespace]: namespace,
      [containerLabels.podUid]: uid,
      [containerLabels.name]: spec.name,
    },
    annotations: {
      [containerAnnotations.hash]: containerHash(spec),
      [containerAnnotations.backoffMs]: String(place.backoffMs),
      [containerAnnotations.messagePath]: spec.terminationMessagePath ?? "/dev/termination-log",
      [containerAnnotations.messagePolicy]: spec.terminationMessagePolicy ?? "File",
      [containerAnnotations.messageFile]: place.files.messageFile,
    },
    logPath: `${spec.name}/${place.attempt}.log`,
    stdin: spec.stdin ?? false,
    stdinOnce: spec.stdinOnce ?? false,
    tty: spec.tty ?? false,
    resources: containerResources(pod, spec, place.nodeMemoryBytes),
    security: containerSecurity(pod, spec, place.image, place.seccompDirectory),
    pid: pidNamespace(pod),
    ...(place.targetContainerId === undefined
      ? {}
      : { targetContainerId: place.targetContainerId }),
  };
}
