import type { PersistentVolumeClaim, Volume, VolumeMount } from "#api/gen/types.ts";
import { objectName } from "#api/names.ts";
import { parseBytes } from "#base/amounts.ts";
import type { ContainerMount } from "#containers/flags/mounts.ts";
import { managedBy, managedByLabel, volumeAnnotation } from "#containers/labels.ts";
import { UsageError } from "#containers/usage-error.ts";

/** What a claim asks for; directories of a node hold more. */
const claimSize = "1Gi";

export interface PlannedVolumes {
  readonly volumes: readonly Volume[];
  readonly mounts: readonly VolumeMount[];
  /** Names of volumes, as the user wrote them. */
  readonly named: readonly string[];
  /** Names of volumes of the pod that get what the image has at their targets. */
  readonly filled: readonly string[];
}

/** All that a container mounts. @throws {UsageError} for two mounts at one place. */
export function planVolumes(
  all: readonly ContainerMount[],
  shmSize: string | undefined,
): PlannedVolumes {
  const volumes: Volume[] = [];
  const mounts: VolumeMount[] = [];
  const named = new Map<string, string>();
  const filled: string[] = [];
  for (const mount of [...all, ...sharedMemory(shmSize)]) {
    if (mounts.some((it) => it.mountPath === mount.target)) {
      throw new UsageError(`Duplicate mount point: ${mount.target}`);
    }
    // A volume that is mounted twice is one volume of the pod.
    const known = mount.type === "volume" ? named.get(mount.source ?? "") : undefined;
    const name = known ?? `volume-${volumes.length + 1}`;
    if (known === undefined) {
      volumes.push({ name, ...sourceOf(mount) });
      const isFilled = mount.type === "volume" && mount.noCopy !== true;
      if (isFilled && mount.subpath === undefined) filled.push(name);
    }
    if (mount.type === "volume" && mount.source !== undefined) named.set(mount.source, name);
    mounts.push(mountOf(mount, name));
  }
  return { volumes, mounts, named: [...named.keys()], filled };
}

/** The claim that a named volume is. */
export function claimOf(
  name: string,
  options: { readonly size?: string | undefined; readonly labels?: Record<string, string> } = {},
): PersistentVolumeClaim {
  return {
    metadata: {
      name: objectName(name),
      labels: { [managedByLabel]: managedBy },
      annotations: { ...options.labels, [volumeAnnotation]: name },
    },
    spec: {
      accessModes: ["ReadWriteOnce"],
      resources: { requests: { storage: options.size ?? claimSize } },
    },
  };
}

function sharedMemory(size: string | undefined): ContainerMount[] {
  if (size === undefined) return [];
  const bytes = parseBytes(size);
  if (bytes === undefined) throw new UsageError(`--shm-size: '${size}' is no size; try 64m`);
  return [{ type: "tmpfs", target: "/dev/shm", readOnly: false, size: bytes }];
}

function sourceOf({ type, source, makes, size }: ContainerMount): Omit<Volume, "name"> {
  if (type === "tmpfs") {
    const limit = size === undefined ? {} : { sizeLimit: String(size) };
    return { emptyDir: { medium: "Memory", ...limit } };
  }
  if (source === undefined) return { emptyDir: {} };
  if (type === "volume") return { persistentVolumeClaim: { claimName: objectName(source) } };
  return { hostPath: { path: source, ...(makes === true ? { type: "DirectoryOrCreate" } : {}) } };
}

const propagations: Readonly<Record<string, string>> = {
  shared: "Bidirectional",
  rshared: "Bidirectional",
  slave: "HostToContainer",
  rslave: "HostToContainer",
};

function mountOf(mount: ContainerMount, name: string): VolumeMount {
  const propagation = propagations[mount.propagation ?? ""];
  return {
    name,
    mountPath: mount.target,
    ...(mount.readOnly ? { readOnly: true } : {}),
    ...(mount.subpath === undefined ? {} : { subPath: mount.subpath }),
    ...(propagation === undefined ? {} : { mountPropagation: propagation }),
  };
}
