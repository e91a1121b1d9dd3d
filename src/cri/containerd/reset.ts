import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { assert } from "#base/assert.ts";
import type { Clock } from "#base/clock.ts";
import { cgroupProcesses, detectCgroups, removeCgroup, thawCgroup } from "#cri/cgroups.ts";
import { mountsBelow } from "#cri/mounts.ts";
import { removeHostNetwork } from "#cri/network.ts";
import {
  isGone,
  listProcesses,
  type ProcessEntry,
  readProcess,
  signalProcess,
  withDescendants,
} from "#cri/procfs.ts";
import { type Binaries, findBinaries } from "./binaries.ts";
import { type NodeLayout, nodeLayout } from "./layout.ts";

export interface ResetOptions {
  readonly nodeDir: string;
  /** Groups that pods were put under: `/kubepods`. They and all below them are removed. */
  readonly cgroupParents: readonly string[];
  /** Of `ensureHostNetwork`. */
  readonly table: string;
  readonly clock: Clock;
}

/** A killed process that is not gone by then hangs in the kernel. */
const endMsMax = 20_000;
const shimSocketDir = "/run/containerd/s";
const cniCacheDir = "/var/lib/cni/results";

/**
 * Leaves nothing of a node's containers: processes, mounts, network namespaces, control groups, rules,
 * sockets, files. It asks no containerd, so it works whatever state the node is in, and may be
 * repeated. @throws {Error} naming what stays.
 */
export async function resetNode(options: ResetOptions, signal: AbortSignal): Promise<void> {
  for (const path of [options.nodeDir, ...options.cgroupParents]) {
    assert(/^\/[^/]/.test(path), `reset of '${path}' would take the whole machine`);
  }
  const layout = nodeLayout(options.nodeDir);
  const binaries = await findBinaries();
  const sandboxIds = await listSandboxIds(layout);
  await endProcesses(options, layout, signal);
  await unmountAll(binaries, layout);
  await removeGroups(options, signal);
  await removeShared(layout, sandboxIds);
  await removeHostNetwork({ nft: binaries.nft, table: options.table });
  await rm(layout.nodeDir, { recursive: true, force: true });
}

/** containerd first, so that nothing is started again; then the shims and all that they started. */
async function endProcesses(
  options: ResetOptions,
  layout: NodeLayout,
  signal: AbortSignal,
): Promise<void> {
  const { clock } = options;
  const cgroups = await detectCgroups();
  const until = clock.monotonic() + endMsMax;
  for (let wait = 10; ; wait = Math.min(wait * 2, 200)) {
    const all = await listProcesses();
    const roots = all.filter((it) => isOfNode(it, layout)).map((it) => it.pid);
    const grouped = await Promise.all(
      options.cgroupParents.map((it) => cgroupProcesses(cgroups, it)),
    );
    const candidates = [...new Set([...withDescendants(roots, all), ...grouped.flat()])];
    const living = await Promise.all(candidates.map((it) => readProcess(it)));
    const left = living.filter((it) => it !== undefined);
    if (left.length === 0) return;
    if (clock.monotonic() > until) {
      const names = left.map((it) => `${it.pid} (${it.commandLine[0] ?? "?"})`);
      throw new Error(`reset: processes do not end: ${names.join(", ")}`);
    }
    for (const it of left) signalProcess(it.pid, "SIGKILL");
    for (const it of options.cgroupParents) await thawCgroup(cgroups, it);
    await clock.sleep(wait, signal);
  }
}

function isOfNode(entry: ProcessEntry, layout: NodeLayout): boolean {
  const [program, ...rest] = entry.commandLine;
  if (program === undefined) return false;
  const name = program.slice(program.lastIndexOf("/") + 1);
  if (name === "containerd") return rest.includes(layout.config);
  // A shim is told its containerd's socket.
  return name.startsWith("containerd-shim") && rest.includes(layout.socket);
}

async function unmountAll(binaries: Binaries, layout: NodeLayout): Promise<void> {
  async function left(): Promise<string[]> {
    return mountsBelow(await readFile("/proc/self/mountinfo", "utf8"), layout.nodeDir);
  }
  for (const point of await left()) {
    // Lazily: a process of ours in another namespace may still hold it for a moment.
    await promisify(execFile)(binaries.umount, ["--lazy", point]).catch(() => undefined);
  }
  const stay = await left();
  if (stay.length > 0) throw new Error(`reset: mounts stay: ${stay.join(", ")}`);
}

async function removeGroups(options: ResetOptions, signal: AbortSignal): Promise<void> {
  const cgroups = await detectCgroups();
  const { clock } = options;
  for (const parent of options.cgroupParents) {
    const until = clock.monotonic() + endMsMax;
    for (let done = false; !done;) {
      try {
        await removeCgroup(cgroups, parent);
        done = true;
      } catch (error) {
        // The kernel frees the group of a killed process a moment later.
        if (clock.monotonic() > until) throw error;
        await clock.sleep(50, signal);
      }
    }
  }
}

/** Files of ours in directories that all containerds of a machine share. */
async function removeShared(layout: NodeLayout, sandboxIds: readonly string[]): Promise<void> {
  for (const id of sandboxIds) {
    await rm(join(shimSocketDir, shimSocketName(layout, id)), { force: true });
    // The cache of the network that every sandbox has beside ours.
    await rm(join(cniCacheDir, `cni-loopback-${id}-lo`), { force: true });
  }
  const results = await readdir(cniCacheDir).catch(() => []);
  for (const name of results.filter((it) => it.startsWith(`${layout.networkName}-`))) {
    await rm(join(cniCacheDir, name), { force: true });
  }
}

/** containerd `runtime/v2/shim/util_unix.go`: a hash of the socket's, namespace's and task's names. */
function shimSocketName(layout: NodeLayout, id: string): string {
  return createHash("sha256")
    .update(join(layout.socket, "k8s.io", id))
    .digest("hex");
}

/** Every sandbox and container that containerd has state of, and those whose task is gone. */
async function listSandboxIds(layout: NodeLayout): Promise<string[]> {
  const directories = [
    join(layout.state, "io.containerd.runtime.v2.task/k8s.io"),
    join(layout.root, "io.containerd.grpc.v1.cri/sandboxes"),
    join(layout.root, "io.containerd.runtime.v2.task/k8s.io"),
  ];
  const names = await Promise.all(
    directories.map((it) =>
      readdir(it).catch((error: unknown) => {
        if (isGone(error)) return [];
        throw error;
      }),
    ),
  );
  return [...new Set(names.flat())];
}
