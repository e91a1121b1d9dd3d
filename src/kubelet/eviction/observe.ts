import type { StatsFsBase } from "node:fs";
import { readFile, statfs } from "node:fs/promises";
import type { Observation, Signal } from "./thresholds.ts";

export interface ObservedPaths {
  /** On the disk of pods' volumes and logs. */
  readonly nodeDirectory: string;
  /** On the disk of images and of what containers write. */
  readonly imageDirectory: string;
}

/** Looks at what there is of memory, disk and processes now. */
export async function observeSignals({
  nodeDirectory,
  imageDirectory,
}: ObservedPaths): Promise<ReadonlyMap<Signal, Observation>> {
  const [meminfo, loadavg, pidMax, node, image] = await Promise.all([
    readFile("/proc/meminfo", "latin1"),
    readFile("/proc/loadavg", "latin1"),
    readFile("/proc/sys/kernel/pid_max", "latin1"),
    statfs(nodeDirectory),
    statfs(imageDirectory),
  ]);
  return new Map<Signal, Observation>([
    ["memory.available", memoryObservation(meminfo)],
    ["nodefs.available", bytesOf(node)],
    ["nodefs.inodesFree", inodesOf(node)],
    ["imagefs.available", bytesOf(image)],
    ["imagefs.inodesFree", inodesOf(image)],
    ["pid.available", processObservation(loadavg, pidMax)],
  ]);
}

type Disk = StatsFsBase<number>;

function bytesOf({ bavail, blocks, bsize }: Disk): Observation {
  return { available: bavail * bsize, capacity: blocks * bsize };
}

/** A file system that makes its inodes as they are needed reports none, and is never short. */
function inodesOf({ files, ffree }: Disk): Observation {
  return files === 0 ? { available: 1, capacity: 1 } : { available: ffree, capacity: files };
}

/** What is free, and the cached files that nobody has used lately (upstream: without the working set). */
export function memoryObservation(meminfo: string): Observation {
  const field = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(meminfo)?.[1] ?? 0) * 1024;
  const capacity = field("MemTotal");
  const available = field("MemFree") + field("Inactive\\(file\\)");
  return { available: Math.min(available, capacity), capacity };
}

/** `0.00 0.01 0.05 2/345 6789`: threads that are there, after the slash. */
export function processObservation(loadavg: string, pidMax: string): Observation {
  const capacity = Number(pidMax);
  const running = Number(/\/(\d+) /.exec(loadavg)?.[1] ?? 0);
  return { available: Math.max(capacity - running, 0), capacity };
}
