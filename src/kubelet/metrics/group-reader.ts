import { readFile, readlink, statfs } from "node:fs/promises";
import { basename } from "node:path";
import type { Pod } from "#api/gen/types.ts";
import type { CgroupStats } from "#cri/cgroup-stats.ts";
import { pauseImageName } from "#cri/images/pause.ts";
import type { ContainerStatus, SandboxStatus } from "#cri/runtime.ts";
import type { ObservedPod } from "#kubelet/pod/input.ts";
import type { FileSystemStats, GroupReading, InterfaceStats } from "./cadvisor.ts";
import { parseNetDev } from "./net-dev.ts";

/** The control groups of a node. */
export interface GroupSource {
  /** Absolute from the hierarchies' root. */
  groupOf(pod: Pod): string;
  read(path: string): Promise<CgroupStats | undefined>;
}

/** What runs of a pod. */
export interface RunningPod {
  readonly pod: Pod;
  readonly observed: ObservedPod;
}

const noGroup = { container: "", image: "", name: "", namespace: "", pod: "" };

/** Reads the node's own group, and those of pods, sandboxes and containers, pod after pod. */
export async function readGroups(
  groups: GroupSource,
  pods: readonly RunningPod[],
  nodeDirectory: string,
): Promise<readonly GroupReading[]> {
  const readings: GroupReading[] = [];
  const own = await groups.read("/");
  if (own !== undefined) {
    const interfaces = (await interfacesOf("self")).filter((it) => !/^(veth|docker)/.test(it.name));
    const fileSystems = await fileSystemOf(nodeDirectory);
    const labels = { ...noGroup, id: "/" };
    readings.push({ labels, stats: own, startedAtMs: undefined, interfaces, fileSystems });
  }
  for (const it of pods) readings.push(...(await readPod(groups, it)));
  return readings;
}

async function readPod(
  groups: GroupSource,
  { pod, observed }: RunningPod,
): Promise<readonly GroupReading[]> {
  const id = groups.groupOf(pod);
  const { namespace = "", name = "" } = pod.metadata ?? {};
  const of = { ...noGroup, namespace, pod: name };
  const sandboxes = observed.sandboxes.filter((it) => it.state === "ready");
  const containers = observed.containers.filter((it) => it.state === "running");
  const read = async (
    labels: GroupReading["labels"],
    startedAtMs: number | undefined,
    interfaces: Promise<readonly InterfaceStats[]> | undefined,
  ): Promise<readonly GroupReading[]> => {
    const stats = await groups.read(labels.id);
    if (stats === undefined) return [];
    return [{ labels, stats, startedAtMs, interfaces: (await interfaces) ?? [], fileSystems: [] }];
  };
  const hasNetwork = pod.spec?.hostNetwork !== true;
  const readings = await Promise.all([
    read({ ...of, id }, undefined, undefined),
    ...sandboxes.map((it) => {
      const labels = { ...of, id: `${id}/${it.id}`, image: pauseImageName, name: it.id };
      return read(labels, it.createdAtMs, hasNetwork ? sandboxInterfaces(it) : undefined);
    }),
    ...containers.map((it) =>
      read({ ...of, ...containerLabels(it, id) }, it.startedAtMs, undefined),
    ),
  ]);
  return readings.flat();
}

function containerLabels(
  { id, image, metadata }: ContainerStatus,
  parent: string,
): Pick<GroupReading["labels"], "id" | "image" | "name" | "container"> {
  return { id: `${parent}/${id}`, image, name: id, container: metadata.name };
}

async function sandboxInterfaces({ pid }: SandboxStatus): Promise<readonly InterfaceStats[]> {
  return pid === undefined ? [] : await interfacesOf(String(pid));
}

/** Empty for a process that has just ended. */
async function interfacesOf(pid: string): Promise<readonly InterfaceStats[]> {
  const text = await readFile(`/proc/${pid}/net/dev`, "latin1").catch(() => "");
  return parseNetDev(text);
}

async function fileSystemOf(directory: string): Promise<readonly FileSystemStats[]> {
  const found = await statfs(directory).catch(() => undefined);
  if (found === undefined) return [];
  const { blocks, bsize, bfree, files, ffree } = found;
  const sizeBytes = blocks * bsize;
  const usedBytes = sizeBytes - bfree * bsize;
  const device = (await deviceOf(directory)) ?? directory;
  return [{ device, sizeBytes, usedBytes, inodes: files, inodesFree: ffree }];
}

/** The source of the mount that a directory is on. */
async function deviceOf(directory: string): Promise<string | undefined> {
  const text = await readFile("/proc/self/mounts", "utf8").catch(() => "");
  const mounts = text.split("\n").map((it) => it.split(" "));
  const above = mounts.filter(([, point = "-"]) => isWithin(directory, point));
  const longest = above.toSorted(([, a = ""], [, b = ""]) => b.length - a.length)[0];
  return longest?.[0];
}

function isWithin(directory: string, point: string): boolean {
  return point === "/" || directory === point || directory.startsWith(`${point}/`);
}

/** Devices of a machine whose names are kept. */
const devicesMax = 256;

/** Names block devices, `8:0` -> `/dev/sda`; each is looked up once. */
export class DeviceNames {
  readonly #names = new Map<string, string>();

  /** The number itself, where the name is not known. */
  nameOf(device: string): string {
    return this.#names.get(device) ?? device;
  }

  /** To be called before {@link nameOf}. */
  async learn(devices: Iterable<string>): Promise<void> {
    for (const device of devices) {
      if (this.#names.has(device) || this.#names.size >= devicesMax) continue;
      const target = await readlink(`/sys/dev/block/${device}`).catch(() => "");
      if (target !== "") this.#names.set(device, `/dev/${basename(target)}`);
    }
  }
}
