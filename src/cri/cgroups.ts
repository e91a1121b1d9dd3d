import { mkdir, readdir, readFile, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseMounts } from "./mounts.ts";
import { hasCode, isGone } from "./procfs.ts";

/**
 * Where the machine's control groups are mounted. `v1` has one hierarchy for each controller (and may
 * have a unified one beside them, "hybrid"); `v2` has one for all.
 */
export type CgroupMounts =
  | {
      readonly version: "v1";
      /** By controller: `memory` -> `/sys/fs/cgroup/memory`. */
      readonly controllers: ReadonlyMap<string, string>;
      /** Every mount point, the named and the unified ones too; runtimes make groups in all. */
      readonly roots: readonly string[];
    }
  | { readonly version: "v2"; readonly root: string; readonly roots: readonly string[] };

/** Limits of a group; `undefined` leaves one as it is. */
export interface CgroupLimits {
  readonly cpuShares?: number;
  /** Microseconds per period of 100 ms; -1 is no limit. */
  readonly cpuQuota?: number;
  /** -1 is no limit. */
  readonly memoryLimitBytes?: number;
  readonly pidsMax?: number;
}

export interface CgroupUsage {
  /** Processor time since the group was made. */
  readonly cpuNanoseconds: bigint;
  readonly memoryUsageBytes: number;
  /** Usage without the file cache that can be dropped at once; what eviction and `top` look at. */
  readonly memoryWorkingSetBytes: number;
  /** Threads count too, as they do against `pidsMax`. */
  readonly processes: number;
}

/** The CFS period that `cpuQuota` counts in, microseconds. */
export const cpuPeriod = 100_000;

/** @throws {Error} when no control groups are mounted. */
export async function detectCgroups(): Promise<CgroupMounts> {
  return cgroupMounts(await readFile("/proc/self/mountinfo", "utf8"));
}

/** Reads them out of the text of `/proc/self/mountinfo`. */
export function cgroupMounts(mountinfo: string): CgroupMounts {
  const mounts = parseMounts(mountinfo);
  const unified = mounts.find((it) => it.type === "cgroup2");
  const legacy = mounts.filter((it) => it.type === "cgroup");
  const controllers = new Map<string, string>();
  for (const mount of legacy) {
    for (const option of mount.superOptions) controllers.set(option, mount.point);
  }
  if (controllers.has("memory") || controllers.has("cpu")) {
    const roots = legacy.map((it) => it.point);
    if (unified !== undefined) roots.push(unified.point);
    return { version: "v1", controllers, roots: [...new Set(roots)] };
  }
  if (unified !== undefined) {
    return { version: "v2", root: unified.point, roots: [unified.point] };
  }
  throw new Error("no control groups are mounted: mount cgroup2 on /sys/fs/cgroup");
}

/**
 * Makes a group in every hierarchy, parents included, ready for children and processes.
 * @param path absolute from the hierarchies' root, as CRI's `cgroup_parent` is: `/kubepods/pod1`.
 */
export async function createCgroup(mounts: CgroupMounts, path: string): Promise<void> {
  const parts = path.split("/").filter((it) => it !== "");
  for (let depth = 1; depth <= parts.length; depth++) {
    const group = join(...parts.slice(0, depth));
    if (mounts.version === "v2") await createUnified(mounts.root, group);
    else await Promise.all(mounts.roots.map((root) => createLegacy(mounts, root, group)));
  }
}

/** Sets what is given. Limits that the machine has no controller for are left out. */
export async function setCgroupLimits(
  mounts: CgroupMounts,
  path: string,
  limits: CgroupLimits,
): Promise<void> {
  for (const [controller, file, value] of limitFiles(mounts.version, limits)) {
    const root = mounts.version === "v2" ? mounts.root : mounts.controllers.get(controller);
    if (root !== undefined) await writeFile(join(root, path, file), value);
  }
}

/** `undefined` when there is no such group. */
export async function readCgroupUsage(
  mounts: CgroupMounts,
  path: string,
): Promise<CgroupUsage | undefined> {
  try {
    return mounts.version === "v2"
      ? await readUnifiedUsage(join(mounts.root, path))
      : await readLegacyUsage(mounts.controllers, path);
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

/**
 * Removes a group and what is below it from every hierarchy. Runtimes remove only the containers'
 * own. No group is success. @throws when a process is still in one: EBUSY, worth a retry.
 */
export async function removeCgroup(mounts: CgroupMounts, path: string): Promise<void> {
  await Promise.all(mounts.roots.map((root) => removeTree(join(root, path))));
}

/** Names of the groups right below `path`, in any hierarchy. */
export async function listCgroups(mounts: CgroupMounts, path: string): Promise<string[]> {
  const names = await Promise.all(mounts.roots.map((root) => childrenOf(join(root, path))));
  return [...new Set(names.flat())].toSorted();
}

/** Processes in the group and below it, in any hierarchy. */
export async function cgroupProcesses(mounts: CgroupMounts, path: string): Promise<number[]> {
  const pids = await Promise.all(mounts.roots.map((root) => processesBelow(join(root, path))));
  return [...new Set(pids.flat())];
}

/**
 * Lets what was frozen in the group and below it go on. The kernel's first version of groups keeps
 * frozen processes from dying; the second does not. No group is success.
 */
export async function thawCgroup(mounts: CgroupMounts, path: string): Promise<void> {
  const root = mounts.version === "v1" ? mounts.controllers.get("freezer") : undefined;
  if (root !== undefined) await thawBelow(join(root, path));
}

async function thawBelow(group: string): Promise<void> {
  const state = join(group, "freezer.state");
  const frozen = await readFile(state, "latin1").catch(ifGone(""));
  // A frozen parent is thawed first: its children thaw no earlier.
  if (/^FR/.test(frozen)) await writeFile(state, "THAWED").catch(ifGone(undefined));
  for (const child of await childrenOf(group)) await thawBelow(join(group, child));
}

/** Controllers that groups below get, as far as the machine has them. */
const unifiedControllers = ["cpuset", "cpu", "io", "memory", "hugetlb", "pids"];

async function createUnified(root: string, group: string): Promise<void> {
  const parent = join(root, group, "..");
  const available = (await readFile(join(parent, "cgroup.controllers"), "utf8")).split(/\s+/);
  const enable = unifiedControllers.filter((it) => available.includes(it)).map((it) => `+${it}`);
  await writeFile(join(parent, "cgroup.subtree_control"), enable.join(" "));
  await mkdirIfMissing(join(root, group));
}

async function createLegacy(
  mounts: Extract<CgroupMounts, { version: "v1" }>,
  root: string,
  group: string,
): Promise<void> {
  const path = join(root, group);
  await mkdirIfMissing(path);
  if (mounts.controllers.get("cpuset") !== root) return;
  // A new cpuset is empty, and takes no process before it has processors and memory nodes.
  for (const file of ["cpuset.cpus", "cpuset.mems"]) {
    if ((await readFile(join(path, file), "latin1")).trim() !== "") continue;
    await writeFile(join(path, file), await readFile(join(path, "..", file), "latin1"));
  }
}

function limitFiles(
  version: "v1" | "v2",
  limits: CgroupLimits,
): [controller: string, file: string, value: string][] {
  const { cpuShares, cpuQuota, memoryLimitBytes, pidsMax } = limits;
  const files: [string, string, string][] = [];
  const legacy = version === "v1";
  if (cpuShares !== undefined) {
    if (legacy) files.push(["cpu", "cpu.shares", String(cpuShares)]);
    else files.push(["cpu", "cpu.weight", String(cpuWeight(cpuShares))]);
  }
  if (cpuQuota !== undefined) {
    if (legacy) {
      files.push(["cpu", "cpu.cfs_period_us", String(cpuPeriod)]);
      files.push(["cpu", "cpu.cfs_quota_us", String(cpuQuota)]);
    } else {
      files.push(["cpu", "cpu.max", `${cpuQuota < 0 ? "max" : cpuQuota} ${cpuPeriod}`]);
    }
  }
  if (memoryLimitBytes !== undefined) {
    const value = memoryLimitBytes < 0 && !legacy ? "max" : String(memoryLimitBytes);
    files.push(["memory", legacy ? "memory.limit_in_bytes" : "memory.max", value]);
  }
  if (pidsMax !== undefined) files.push(["pids", "pids.max", String(pidsMax)]);
  return files;
}

/** cgroup v1's shares (2 to 262144) on v2's scale (1 to 10000); the formula of runc and systemd. */
export function cpuWeight(shares: number): number {
  const bounded = Math.min(Math.max(shares, 2), 262_144);
  return Math.floor(1 + ((bounded - 2) * 9999) / 262_142);
}

async function readUnifiedUsage(group: string): Promise<CgroupUsage> {
  const [cpu, memory, stat, pids] = await Promise.all([
    readFile(join(group, "cpu.stat"), "latin1"),
    readFile(join(group, "memory.current"), "latin1"),
    readFile(join(group, "memory.stat"), "latin1"),
    readFile(join(group, "pids.current"), "latin1"),
  ]);
  return usage({
    cpuNanoseconds: BigInt(field(cpu, "usage_usec")) * 1000n,
    memory: Number(memory),
    inactiveFile: field(stat, "inactive_file"),
    processes: Number(pids),
  });
}

async function readLegacyUsage(
  controllers: ReadonlyMap<string, string>,
  path: string,
): Promise<CgroupUsage> {
  async function read(controller: string, file: string): Promise<string> {
    const root = controllers.get(controller);
    return root === undefined ? "0" : await readFile(join(root, path, file), "latin1");
  }
  const [cpu, memory, stat, pids] = await Promise.all([
    read("cpuacct", "cpuacct.usage"),
    read("memory", "memory.usage_in_bytes"),
    read("memory", "memory.stat"),
    read("pids", "pids.current"),
  ]);
  return usage({
    cpuNanoseconds: BigInt(cpu.trim()),
    memory: Number(memory),
    inactiveFile: field(stat, "total_inactive_file"),
    processes: Number(pids),
  });
}

function usage(read: {
  readonly cpuNanoseconds: bigint;
  readonly memory: number;
  readonly inactiveFile: number;
  readonly processes: number;
}): CgroupUsage {
  return {
    cpuNanoseconds: read.cpuNanoseconds,
    memoryUsageBytes: read.memory,
    memoryWorkingSetBytes: Math.max(0, read.memory - read.inactiveFile),
    processes: read.processes,
  };
}

/** A line `name value` of a flat keyed file; 0 when it is missing. */
function field(text: string, name: string): number {
  const line = text.split("\n").find((it) => it.startsWith(`${name} `));
  return line === undefined ? 0 : Number(line.slice(name.length + 1));
}

async function removeTree(group: string): Promise<void> {
  for (const child of await childrenOf(group)) await removeTree(join(group, child));
  try {
    await rmdir(group);
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}

async function processesBelow(group: string): Promise<number[]> {
  const own = await readFile(join(group, "cgroup.procs"), "latin1").catch(ifGone(""));
  const below = await Promise.all(
    (await childrenOf(group)).map((child) => processesBelow(join(group, child))),
  );
  // 0 is a process of another process namespace, which we cannot name.
  const pids = own.split("\n").map(Number);
  return [...pids.filter((it) => it > 0), ...below.flat()];
}

async function childrenOf(group: string): Promise<string[]> {
  const entries = await readdir(group, { withFileTypes: true }).catch(ifGone([]));
  return entries.filter((it) => it.isDirectory()).map((it) => it.name);
}

async function mkdirIfMissing(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    if (!hasCode(error, "EEXIST")) throw error;
  }
}

function ifGone<T>(value: T): (error: unknown) => T {
  return (error) => {
    if (isGone(error)) return value;
    throw error;
  };
}
