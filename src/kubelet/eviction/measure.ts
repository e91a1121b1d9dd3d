import { join } from "node:path";
import type { Pod } from "#api/gen/types.ts";
import type { ContainerStatus } from "#cri/runtime.ts";
import type { UsageSource } from "#kubelet/server/usage.ts";
import { diskUsage, writableLayer, type DiskUsage } from "./disk-usage.ts";
import type { LocalStorageUsage } from "./local-storage.ts";
import type { PodUsage } from "./rank.ts";

export interface MeasurePorts {
  readonly usage: UsageSource;
  /** Running instances of a pod's containers. */
  readonly running: (pod: Pod) => readonly ContainerStatus[];
  readonly logDirectory: (pod: Pod) => string;
  /** Where a volume of the pod is; undefined when there is none of that name. */
  readonly volumePath: (pod: Pod, volume: string) => string | undefined;
}

/** What a pod has on the node's disk. */
export async function measureStorage(
  ports: MeasurePorts,
  pod: Pod,
  signal: AbortSignal,
): Promise<LocalStorageUsage & { readonly inodes: number }> {
  let inodes = 0;
  const emptyDirs = new Map<string, number>();
  for (const { name, emptyDir } of pod.spec?.volumes ?? []) {
    const path = emptyDir === undefined ? undefined : ports.volumePath(pod, name);
    if (path === undefined) continue;
    const used = await diskUsage(path, signal);
    inodes += used.inodes;
    emptyDirs.set(name, used.bytes);
  }
  const containers = new Map<string, number>();
  for (const { name } of [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])]) {
    const logs = await diskUsage(join(ports.logDirectory(pod), name), signal);
    inodes += logs.inodes;
    containers.set(name, logs.bytes);
  }
  for (const { metadata, pid } of ports.running(pod)) {
    const layer = await layerUsage(pid, signal);
    inodes += layer.inodes;
    containers.set(metadata.name, (containers.get(metadata.name) ?? 0) + layer.bytes);
  }
  return { emptyDirs, containers, inodes };
}

async function layerUsage(pid: number | undefined, signal: AbortSignal): Promise<DiskUsage> {
  const directory = pid === undefined ? undefined : await writableLayer(pid);
  return directory === undefined ? { bytes: 0, inodes: 0 } : await diskUsage(directory, signal);
}

/** All that one pod uses; its disk only when asked for, as that takes time. */
export async function measurePod(
  ports: MeasurePorts,
  pod: Pod,
  withDisk: boolean,
  signal: AbortSignal,
): Promise<PodUsage> {
  const own = await ports.usage.pod(pod);
  const storage = withDisk ? await measureStorage(ports, pod, signal) : undefined;
  const containers = new Map<string, { memoryBytes: number; diskBytes: number }>();
  for (const { metadata, id } of ports.running(pod)) {
    const memory = await ports.usage.container(pod, id);
    containers.set(metadata.name, {
      memoryBytes: memory?.memoryWorkingSetBytes ?? 0,
      diskBytes: storage?.containers.get(metadata.name) ?? 0,
    });
  }
  return {
    pod,
    memoryBytes: own?.memoryWorkingSetBytes ?? 0,
    diskBytes: storage === undefined ? 0 : sum(storage.emptyDirs) + sum(storage.containers),
    inodes: storage?.inodes ?? 0,
    processes: own?.processes ?? 0,
    containers,
  };
}

function sum(values: ReadonlyMap<string, number>): number {
  return [...values.values()].reduce((all, it) => all + it, 0);
}
