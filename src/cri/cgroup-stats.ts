import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { CgroupMounts } from "./cgroups.ts";
import { isGone } from "./procfs.ts";

/** Traffic of a group with one block device since the group was made. */
export interface CgroupDeviceStats {
  /** `8:0` */
  readonly device: string;
  readonly reads: number;
  readonly writes: number;
  readonly readBytes: number;
  readonly writtenBytes: number;
}

/** What the kernel counts for a group and the groups below it. Undefined: it does not say. */
export interface CgroupStats {
  readonly cpu: {
    readonly usageSeconds: number;
    readonly userSeconds: number;
    readonly systemSeconds: number;
    /** Periods of a limited group that have passed, and those in which it was held back. */
    readonly periods: number;
    readonly throttledPeriods: number;
    readonly throttledSeconds: number;
  };
  readonly memory: {
    readonly usageBytes: number;
    readonly maxUsageBytes: number | undefined;
    readonly workingSetBytes: number;
    readonly rssBytes: number;
    readonly cacheBytes: number;
    readonly mappedBytes: number;
    readonly swapBytes: number;
    /** How often the limit was met. */
    readonly failures: number;
    readonly pageFaults: number;
    readonly majorPageFaults: number;
    readonly oomKills: number;
  };
  readonly limits: {
    readonly cpuShares: number | undefined;
    readonly cpuPeriodMicros: number | undefined;
    /** Undefined: no limit. */
    readonly cpuQuotaMicros: number | undefined;
    readonly memoryBytes: number | undefined;
  };
  readonly threads: number;
  readonly processes: number;
  readonly devices: readonly CgroupDeviceStats[];
}

/** Linux counts processor time for programs in hundredths of a second, on every machine. */
const ticksPerSecond = 100;
/** cgroup v1 writes "no limit" as the largest number of whole pages. */
const unlimitedBytes = 2 ** 62;

/** `undefined` when there is no such group. */
export async function readCgroupStats(
  mounts: CgroupMounts,
  path: string,
): Promise<CgroupStats | undefined> {
  const group =
    mounts.version === "v2" ? unifiedGroup(mounts.root, path) : legacyGroup(mounts, path);
  return mounts.version === "v2" ? await readUnified(group) : await readLegacy(group);
}

/** The text of a file of the group; empty where there is none. */
type ReadFile = (controller: string, file: string) => Promise<string>;

function unifiedGroup(root: string, path: string): ReadFile {
  return (_controller, file) => readText(join(root, path, file));
}

function legacyGroup(mounts: Extract<CgroupMounts, { version: "v1" }>, path: string): ReadFile {
  return async (controller, file) => {
    const root = mounts.controllers.get(controller);
    return root === undefined ? "" : await readText(join(root, path, file));
  };
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, "latin1");
  } catch (error) {
    if (isGone(error)) return "";
    throw error;
  }
}

async function readUnified(read: ReadFile): Promise<CgroupStats | undefined> {
  const [cpu, weight, max, memory, current, peak, limit, swap, events] = await all(read, [
    ["cpu", "cpu.stat"],
    ["cpu", "cpu.weight"],
    ["cpu", "cpu.max"],
    ["memory", "memory.stat"],
    ["memory", "memory.current"],
    ["memory", "memory.peak"],
    ["memory", "memory.max"],
    ["memory", "memory.swap.current"],
    ["memory", "memory.events"],
  ]);
  const [threads, processes, io] = await all(read, [
    ["pids", "pids.current"],
    ["pids", "cgroup.procs"],
    ["io", "io.stat"],
  ]);
  if (cpu === "") return undefined; // Every group has it.
  const usageBytes = Number(current);
  const [quota = "", period = ""] = (max ?? "").trim().split(" ");
  return {
    cpu: {
      usageSeconds: field(cpu, "usage_usec") / 1e6,
      userSeconds: field(cpu, "user_usec") / 1e6,
      systemSeconds: field(cpu, "system_usec") / 1e6,
      periods: field(cpu, "nr_periods"),
      throttledPeriods: field(cpu, "nr_throttled"),
      throttledSeconds: field(cpu, "throttled_usec") / 1e6,
    },
    memory: {
      usageBytes,
      maxUsageBytes: numberOf(peak),
      workingSetBytes: Math.max(0, usageBytes - field(memory, "inactive_file")),
      rssBytes: field(memory, "anon"),
      cacheBytes: field(memory, "file"),
      mappedBytes: field(memory, "file_mapped"),
      swapBytes: Number(swap),
      failures: field(events, "max"),
      pageFaults: field(memory, "pgfault"),
      majorPageFaults: field(memory, "pgmajfault"),
      oomKills: field(events, "oom_kill"),
    },
    limits: {
      cpuShares: sharesOf(numberOf(weight)),
      cpuPeriodMicros: numberOf(period),
      cpuQuotaMicros: numberOf(quota),
      memoryBytes: numberOf(limit),
    },
    threads: Number(threads),
    processes: lines(processes).length,
    devices: unifiedDevices(io ?? ""),
  };
}

async function readLegacy(read: ReadFile): Promise<CgroupStats | undefined> {
  const [usage, ticks, cpu, shares, period, quota] = await all(read, [
    ["cpuacct", "cpuacct.usage"],
    ["cpuacct", "cpuacct.stat"],
    ["cpu", "cpu.stat"],
    ["cpu", "cpu.shares"],
    ["cpu", "cpu.cfs_period_us"],
    ["cpu", "cpu.cfs_quota_us"],
  ]);
  const [memory, current, peak, failures, limit, oom] = await all(read, [
    ["memory", "memory.stat"],
    ["memory", "memory.usage_in_bytes"],
    ["memory", "memory.max_usage_in_bytes"],
    ["memory", "memory.failcnt"],
    ["memory", "memory.limit_in_bytes"],
    ["memory", "memory.oom_control"],
  ]);
  const [threads, processes, bytes, operations] = await all(read, [
    ["pids", "pids.current"],
    ["memory", "cgroup.procs"],
    ["blkio", "blkio.throttle.io_service_bytes_recursive"],
    ["blkio", "blkio.throttle.io_serviced_recursive"],
  ]);
  if (usage === "" && current === "") return undefined;
  const usageBytes = Number(current);
  const quotaMicros = numberOf(quota);
  const limitBytes = numberOf(limit);
  return {
    cpu: {
      usageSeconds: Number(usage) / 1e9,
      userSeconds: field(ticks, "user") / ticksPerSecond,
      systemSeconds: field(ticks, "system") / ticksPerSecond,
      periods: field(cpu, "nr_periods"),
      throttledPeriods: field(cpu, "nr_throttled"),
      throttledSeconds: field(cpu, "throttled_time") / 1e9,
    },
    memory: {
      usageBytes,
      maxUsageBytes: numberOf(peak),
      workingSetBytes: Math.max(0, usageBytes - field(memory, "total_inactive_file")),
      rssBytes: field(memory, "total_rss"),
      cacheBytes: field(memory, "total_cache"),
      mappedBytes: field(memory, "total_mapped_file"),
      swapBytes: field(memory, "total_swap"),
      failures: Number(failures),
      pageFaults: field(memory, "total_pgfault"),
      majorPageFaults: field(memory, "total_pgmajfault"),
      oomKills: field(oom, "oom_kill"),
    },
    limits: {
      cpuShares: numberOf(shares),
      cpuPeriodMicros: numberOf(period),
      cpuQuotaMicros: quotaMicros === undefined || quotaMicros < 0 ? undefined : quotaMicros,
      memoryBytes: limitBytes === undefined || limitBytes > unlimitedBytes ? undefined : limitBytes,
    },
    threads: Number(threads),
    processes: lines(processes).length,
    devices: legacyDevices(bytes ?? "", operations ?? ""),
  };
}

async function all(
  read: ReadFile,
  files: readonly (readonly [controller: string, file: string])[],
): Promise<readonly (string | undefined)[]> {
  return await Promise.all(files.map(([controller, file]) => read(controller, file)));
}

/** `8:0 rbytes=1 wbytes=2 rios=3 wios=4 …` */
function unifiedDevices(text: string): CgroupDeviceStats[] {
  return lines(text).map((line) => {
    const [device = "", ...pairs] = line.split(" ");
    const of = new Map(pairs.map((it) => it.split("=") as [string, string]));
    const number = (name: string): number => Number(of.get(name) ?? 0);
    return {
      device,
      reads: number("rios"),
      writes: number("wios"),
      readBytes: number("rbytes"),
      writtenBytes: number("wbytes"),
    };
  });
}

/** `8:0 Read 1`, one line for each sort. */
function legacyDevices(bytes: string, operations: string): CgroupDeviceStats[] {
  const parse = (text: string): Map<string, Map<string, number>> => {
    const found = new Map<string, Map<string, number>>();
    for (const line of lines(text)) {
      const [device = "", sort = "", value] = line.split(" ");
      if (value === undefined) continue; // The total.
      const of = found.get(device) ?? new Map<string, number>();
      found.set(device, of.set(sort, Number(value)));
    }
    return found;
  };
  const counts = parse(operations);
  return [...parse(bytes)].map(([device, of]) => ({
    device,
    reads: counts.get(device)?.get("Read") ?? 0,
    writes: counts.get(device)?.get("Write") ?? 0,
    readBytes: of.get("Read") ?? 0,
    writtenBytes: of.get("Write") ?? 0,
  }));
}

/** cgroup v2's weight (1 to 10000) on v1's scale (2 to 262144); the inverse of runc's formula. */
function sharesOf(weight: number | undefined): number | undefined {
  if (weight === undefined) return undefined;
  return 2 + Math.floor(((weight - 1) * 262_142) / 9_999);
}

/** Undefined for nothing and for `max`. */
function numberOf(text: string | undefined): number | undefined {
  const trimmed = text?.trim() ?? "";
  return /^-?\d+$/.test(trimmed) ? Number(trimmed) : undefined;
}

/** A line `name value`; 0 when it is missing. */
function field(text: string | undefined, name: string): number {
  const line = lines(text).find((it) => it.startsWith(`${name} `));
  return line === undefined ? 0 : Number(line.slice(name.length + 1));
}

function lines(text: string | undefined): readonly string[] {
  return (text ?? "").split("\n").filter((it) => it !== "");
}
