import { chmod, mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Pod } from "#api/gen/types.ts";
import type { Clock } from "#base/clock.ts";
import { readCgroupStats } from "#cri/cgroup-stats.ts";
import { detectCgroups } from "#cri/cgroups.ts";
import type { Runtime } from "#cri/runtime.ts";
import type { GroupSource } from "#kubelet/metrics/group-reader.ts";
import type { NodeView } from "#kubelet/pod/context.ts";
import type { NodeFacts } from "#kubelet/pod/pod-fields.ts";
import type { KubeletPorts } from "#kubelet/ports.ts";
import { ImageVolumes } from "#kubelet/volumes/image-volumes.ts";
import { LocalDirectories } from "#kubelet/volumes/local-directories.ts";
import { systemMounter, type Mounter } from "#kubelet/volumes/mounts.ts";
import { Tokens } from "#kubelet/volumes/tokens.ts";
import { Volumes } from "#kubelet/volumes/volumes.ts";
import type { UsageSource } from "#kubelet/server/usage.ts";
import { DiskHost } from "./disk-host.ts";
import { CgroupTree } from "./pod-cgroups.ts";
import { CgroupUsageSource, unknownUsage } from "./usage.ts";

export interface DiskOptions {
  /** Pods' directories and volumes; belongs to this node alone. */
  readonly rootDirectory: string;
  /** Containers' logs. */
  readonly logDirectory: string;
  /** `/kubepods`; undefined: the runtime's default group and no limits of whole pods. */
  readonly cgroupRoot: string | undefined;
  /** Root with the right to mount; without it secrets are on disk and files keep their owner. */
  readonly isPrivileged: boolean;
}

/** Upstream has no bound; a fork bomb in one pod must not take the node down. */
const podPidsMax = 4_096;

export interface OpenHost {
  readonly host: DiskHost;
  readonly tokens: Tokens;
  readonly usage: UsageSource;
  /** Undefined where the node has no control groups. */
  readonly groups: GroupSource | undefined;
  readonly localVolumes: LocalDirectories;
  /** One directory for each pod's uid. */
  readonly podsDirectory: string;
}

/** Makes the node's directories and what pods are given. */
export async function openHost(
  disk: DiskOptions,
  from: {
    readonly ports: KubeletPorts;
    readonly clock: Clock;
    readonly node: () => NodeView;
    readonly podIps: (pod: Pod) => readonly string[];
    readonly runtime: Runtime;
  },
  signal: AbortSignal,
): Promise<OpenHost> {
  const { ports, clock, node, podIps, runtime } = from;
  const podsDirectory = join(disk.rootDirectory, "pods");
  const secretsDirectory = join(disk.rootDirectory, "secrets");
  const mounter = disk.isPrivileged ? systemMounter : undefined;
  await mkdir(disk.rootDirectory, { recursive: true, mode: 0o750 });
  // What containers mount in their volumes is to be seen by others, where they ask for that.
  await mounter?.share(disk.rootDirectory, signal);
  await mkdir(podsDirectory, { recursive: true, mode: 0o750 });
  await mkdir(disk.logDirectory, { recursive: true, mode: 0o755 });
  await openSecrets(secretsDirectory, mounter, signal);
  const tokens = new Tokens(ports.api, clock);
  const podDirectory = (uid: string): string => join(podsDirectory, uid);
  let names = 0;
  const volumes = new Volumes({
    podDirectory,
    secretDirectory: (uid) => join(secretsDirectory, uid),
    mounter,
    canChown: disk.isPrivileged,
    objects: ports.objects,
    storage: ports.storage,
    images: new ImageVolumes({ podDirectory, runtime, mounter }),
    tokens,
    facts: (pod) => factsOf(node(), podIps(pod)),
    uniqueName: () => `${clock.now()}.${(names += 1)}`,
  });
  const { cgroups, usage, groups } = await openCgroups(disk.cgroupRoot);
  const { logDirectory } = disk;
  const host = new DiskHost({ podDirectory, logDirectory, volumes, mounter, cgroups, node });
  const localVolumes = new LocalDirectories(join(disk.rootDirectory, "local-path"));
  return { host, tokens, usage, groups, podsDirectory, localVolumes };
}

async function openCgroups(root: string | undefined): Promise<{
  readonly cgroups: CgroupTree | undefined;
  readonly usage: UsageSource;
  readonly groups: GroupSource | undefined;
}> {
  if (root === undefined) return { cgroups: undefined, usage: unknownUsage, groups: undefined };
  const mounts = await detectCgroups();
  const cgroups = new CgroupTree({ mounts, root, podPidsMax });
  const groups: GroupSource = {
    groupOf: (pod) => cgroups.parentOf(pod),
    read: (path) => readCgroupStats(mounts, path),
  };
  return { cgroups, usage: new CgroupUsageSource(mounts, cgroups), groups };
}

function factsOf({ hostIps, allocatable }: NodeView, podIps: readonly string[]): NodeFacts {
  return { hostIps, podIps, allocatable };
}

/** One file system in memory for the secrets of all pods: a mount for each would cost 20 ms. */
async function openSecrets(
  directory: string,
  mounter: Mounter | undefined,
  signal: AbortSignal,
): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  if (mounter === undefined || (await mounter.below(directory)).includes(directory)) return;
  await mounter.tmpfs(directory, undefined, signal);
  await chmod(directory, 0o700);
}

/** Unmounts everything below the node's directory, for its removal. */
export async function unmountAll(rootDirectory: string, signal: AbortSignal): Promise<void> {
  for (const path of await systemMounter.below(rootDirectory)) {
    await systemMounter.unmount(path, signal);
  }
}
