import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { promisify } from "node:util";
import { findBinaries } from "#cri/containerd/binaries.ts";
import { applyRules } from "#cri/network.ts";
import { hasDevice, removeDevice, runBatch } from "#network/links.ts";
import { podRange } from "./network-plan.ts";
import { defaultDataDirectory } from "#main/process/paths.ts";

const run = promisify(execFile);

/** The network between the nodes of one machine: a bridge, and a network namespace for each node. */
export interface Segment {
  readonly bridge: string;
  /** The machine's own address on it. */
  readonly address: string;
  readonly prefix: string;
  /** Table of nftables that lets the other nodes reach other networks. */
  readonly table: string;
  readonly namespaceOf: (node: number) => string;
  /** Name of the machine's end of the link to a node; at most 15 characters. */
  readonly linkOf: (node: number) => string;
  readonly addressOf: (node: number) => string;
}

/** Different for each installation, by its data directory. Nodes are counted from 2. */
export function segmentOf(dataDirectory: string): Segment {
  const digest = createHash("sha256").update(dataDirectory).digest();
  const isUsual = dataDirectory === defaultDataDirectory;
  const id = isUsual ? "" : digest.toString("hex").slice(0, 6);
  const third = isUsual ? 0 : 1 + ((digest[0] ?? 0) % 250);
  const host = (last: number): string => `172.30.${third}.${last}`;
  const name = isUsual ? "gantry" : `gantry-${id}`;
  return {
    bridge: isUsual ? "gantry-br" : `gbr-${id}`,
    address: host(1),
    prefix: `${host(0)}/24`,
    table: isUsual ? "gantry_segment" : `gantry_segment_${id}`,
    namespaceOf: (node) => `${name}-node${node}`,
    linkOf: (node) => (isUsual ? `gantry-n${node}` : `g${id}n${node}`),
    addressOf: (node) => host(10 + node),
  };
}

/** Makes what is missing of the bridge and its rules. @throws {Error} when a program fails. */
export async function ensureSegment(segment: Segment, signal: AbortSignal): Promise<void> {
  const { bridge, address } = segment;
  if (!(await hasDevice(bridge, signal))) {
    const lines = [
      `link add ${bridge} type bridge`,
      `addr add ${address}/24 dev ${bridge}`,
      `link set ${bridge} up`,
    ];
    await runBatch("ip", lines, signal);
  }
  await applyRules((await findBinaries()).nft, segmentRules(segment));
}

/** One transaction that replaces the segment's table. */
export function segmentRules({ table, prefix }: Segment): string {
  return `table ip ${table}
delete table ip ${table}
table ip ${table} {
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr ${prefix} ip daddr != { ${prefix}, ${podRange} } masquerade
  }
}
`;
}

/** Makes the namespace of a node, and its link to the bridge, unless they are there. */
export async function ensureMember(
  segment: Segment,
  node: number,
  signal: AbortSignal,
): Promise<void> {
  const namespace = segment.namespaceOf(node);
  const link = segment.linkOf(node);
  if (await isWhole(namespace, segment.addressOf(node), signal)) {
    await sendBack(link, signal);
    return;
  }
  await removeMember(segment, node, signal);
  await run("ip", ["netns", "add", namespace], { signal });
  const outside = [
    `link add ${link} type veth peer name eth0 netns ${namespace}`,
    `link set ${link} master ${segment.bridge}`,
    `link set ${link} up`,
  ];
  await runBatch("ip", outside, signal);
  await sendBack(link, signal);
  const inside = [
    ["link", "set", "lo", "up"],
    ["addr", "add", `${segment.addressOf(node)}/24`, "dev", "eth0"],
    ["link", "set", "eth0", "up"],
    ["route", "add", "default", "via", segment.address],
  ];
  for (const args of inside) await run("ip", ["-n", namespace, ...args], { signal });
}

/**
 * A node's packet to a service of this machine may be sent back to the same node. Where the kernel
 * shows a bridge's packets to the rules (br_netfilter, as Docker has it), the bridge itself turns it
 * round, and does so only where it is told to.
 */
async function sendBack(link: string, signal: AbortSignal): Promise<void> {
  await runBatch("ip", [`link set ${link} type bridge_slave hairpin on`], signal);
}

async function isWhole(namespace: string, address: string, signal: AbortSignal): Promise<boolean> {
  try {
    const { stdout } = await run("ip", ["-n", namespace, "route", "show", "default"], { signal });
    const addresses = await run("ip", ["-n", namespace, "-4", "addr", "show", "eth0"], { signal });
    return stdout.includes("via ") && addresses.stdout.includes(`${address}/24`);
  } catch {
    signal.throwIfAborted();
    return false;
  }
}

/** What is not there is success. */
export async function removeMember(
  segment: Segment,
  node: number,
  signal: AbortSignal,
): Promise<void> {
  const { stdout } = await run("ip", ["netns", "list"], { signal });
  const namespace = segment.namespaceOf(node);
  const names = stdout.split("\n").map((it) => it.split(" ", 1).join(""));
  if (names.includes(namespace)) await run("ip", ["netns", "del", namespace], { signal });
  await removeDevice(segment.linkOf(node), signal);
}

/** Removes bridge and rules; its members are gone before. */
export async function removeSegment(segment: Segment, signal: AbortSignal): Promise<void> {
  const { bridge, table } = segment;
  if (!(await hasDevice(bridge, signal))) return;
  await removeDevice(bridge, signal);
  // Adding an existing table changes nothing, so that the delete always has one.
  await applyRules((await findBinaries()).nft, `table ip ${table}\ndelete table ip ${table}\n`);
}
