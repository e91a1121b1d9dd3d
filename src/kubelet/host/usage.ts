import { readFile } from "node:fs/promises";
import type { Pod } from "#api/gen/types.ts";
import { readCgroupUsage, type CgroupMounts } from "#cri/cgroups.ts";
import type { ResourceUsage, UsageSource } from "#kubelet/server/usage.ts";
import type { PodCgroups } from "./disk-host.ts";

/** Linux counts processor time for programs in hundredths of a second, on every machine. */
const nanosecondsPerTick = 10_000_000n;

/** What things use, read from their control groups: 0.05 ms for each, against 4 ms over CRI. */
export class CgroupUsageSource implements UsageSource {
  readonly #mounts: CgroupMounts;
  readonly #groups: PodCgroups;

  constructor(mounts: CgroupMounts, groups: PodCgroups) {
    this.#mounts = mounts;
    this.#groups = groups;
  }

  /** Of the machine; the root group has no figures of its own in cgroup v2. */
  async node(): Promise<ResourceUsage | undefined> {
    const [stat, meminfo] = await Promise.all([
      readFile("/proc/stat", "latin1"),
      readFile("/proc/meminfo", "latin1"),
    ]);
    return nodeUsage(stat, meminfo);
  }

  async pod(pod: Pod): Promise<ResourceUsage | undefined> {
    return await readCgroupUsage(this.#mounts, this.#groups.parentOf(pod));
  }

  /** The runtime names a container's group by its id, below the pod's. */
  async container(pod: Pod, containerId: string): Promise<ResourceUsage | undefined> {
    return await readCgroupUsage(this.#mounts, `${this.#groups.parentOf(pod)}/${containerId}`);
  }
}

/** Nothing is known of containers that are not real. */
export const unknownUsage: UsageSource = {
  node: () => Promise.resolve(undefined),
  pod: () => Promise.resolve(undefined),
  container: () => Promise.resolve(undefined),
};

/** From the texts of `/proc/stat` and `/proc/meminfo`. */
export function nodeUsage(stat: string, meminfo: string): ResourceUsage {
  // user nice system idle iowait irq softirq steal; guest time is in user's already.
  const ticks = (stat.split("\n")[0] ?? "").split(/\s+/).slice(1, 9).map(BigInt);
  const idle = (ticks[3] ?? 0n) + (ticks[4] ?? 0n);
  const busy = ticks.reduce((sum, it) => sum + it, 0n) - idle;
  const field = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(meminfo)?.[1] ?? 0) * 1024;
  const used = field("MemTotal") - field("MemFree");
  const workingSet = Math.max(used - field("Inactive\\(file\\)"), 0);
  const bootedAtMs = Number(/^btime (\d+)$/m.exec(stat)?.[1] ?? 0) * 1_000;
  return {
    cpuNanoseconds: busy * nanosecondsPerTick,
    memoryUsageBytes: used,
    memoryWorkingSetBytes: workingSet,
    machine: { bootedAtMs, memoryAvailableBytes: field("MemTotal") - workingSet },
  };
}
