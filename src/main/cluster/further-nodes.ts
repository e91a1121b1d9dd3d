import { mkdirSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import { resetNode } from "#cri/containerd/reset.ts";
import { readFileIfPresent, writeFileAtomically } from "#pki/files.ts";
import { keepRunning, runOwnProgram } from "#main/process/child-program.ts";
import type { Drain } from "#main/process/drain.ts";
import { removeNodeIngress } from "#main/network/node-ingress.ts";
import { nodeNames } from "#main/network/node-names.ts";
import type { Paths } from "#main/process/paths.ts";
import { ensureMember, removeMember, removeSegment, segmentOf } from "#main/network/segment.ts";
import { makeToken } from "#main/node/token.ts";

/** A node of this machine beside the first, which runs in the system's own process. */
export interface FurtherNode {
  /** Counted from 2. */
  readonly number: number;
  readonly name: string;
  readonly directory: string;
}

/** Where a further node logs, in its directory. */
export const agentLogName = "agent.log";

export interface FurtherNodesOptions {
  readonly paths: Paths;
  readonly runtime: "containerd" | "simulated";
  /** As the nodes reach it. */
  readonly server: string;
  /** Of their agents: on which ports they serve Ingresses, where the registry is, what is logged. */
  readonly ports: readonly string[];
  /** The agents end their nodes' pods with the system's. */
  readonly drain: Drain;
  readonly clock: Clock;
  readonly log: Logger;
}

/** The further nodes, up to `count` nodes in all. */
export function furtherNodes(paths: Paths, first: string, count: number): readonly FurtherNode[] {
  return Array.from({ length: Math.max(0, count - 1) }, (_, index) => {
    const number = index + 2;
    return { number, name: `${first}-${number}`, directory: join(paths.nodes, String(number)) };
  });
}

/** How many nodes this installation has had last, the first one included. */
export async function knownNodes(paths: Paths): Promise<number> {
  const numbers = await memberNumbers(paths);
  return Math.max(1, ...numbers);
}

async function memberNumbers({ nodes }: Paths): Promise<number[]> {
  const names = await readdir(nodes).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  });
  return names.map(Number).filter((it) => Number.isInteger(it) && it > 1);
}

/**
 * Runs a node as an agent of its own, again whenever it ends, until the signal aborts or it was asked
 * to end its pods.
 */
export async function runFurtherNode(
  node: FurtherNode,
  options: FurtherNodesOptions,
  signal: AbortSignal,
): Promise<void> {
  const { clock, paths, runtime } = options;
  const log = options.log.with({ component: "nodes", node: node.name });
  using stack = new DisposableStack();
  const ended = Promise.withResolvers<undefined>();
  stack.defer(() => {
    ended.resolve(undefined);
  });
  const draining = new AbortController();
  let endBy: NodeJS.Signals = "SIGTERM";
  const drained = options.drain.add(async (graceMs) => {
    if (graceMs !== undefined) endBy = "SIGUSR2"; // See drain.ts.
    draining.abort(new Error("the node's pods are to end"));
    await ended.promise;
  });
  stack.use(drained);
  const either = AbortSignal.any([signal, draining.signal]);
  const run = async (): Promise<void> => {
    try {
      mkdirSync(node.directory, { recursive: true, mode: 0o700 });
      if (runtime === "containerd") {
        await ensureMember(segmentOf(paths.data), node.number, signal);
      }
      const args = await agentArguments(node, options, signal);
      const at = { runtime, paths, endBy: () => endBy };
      const code = await runAgentOnce(node, args, at, either);
      log.info("a node's agent ended", { code: String(code) });
    } catch (error) {
      log.error("a node's agent did not start", { error: error as Error });
    }
  };
  await keepRunning(clock, run, either);
}

/** The token goes by a file: arguments are for everybody to read. */
async function agentArguments(
  node: FurtherNode,
  { paths, runtime, server, ports }: FurtherNodesOptions,
  signal: AbortSignal,
): Promise<string[]> {
  const args = ["agent", "--server", server, "--node-name", node.name, "--runtime", runtime];
  args.push("--data-dir", node.directory, "--image-store", paths.images, "--no-install");
  args.push(...ports);
  const joined = await readFileIfPresent(join(node.directory, "pki", "kubelet-client.crt"));
  if (joined !== undefined) return args;
  const { token, caHash } = await makeToken({ dataDir: paths.data }, signal);
  const file = join(node.directory, "token");
  await writeFileAtomically(file, token, 0o600);
  return [...args, "--token-file", file, "--ca-hash", caHash];
}

async function runAgentOnce(
  node: FurtherNode,
  args: readonly string[],
  at: {
    readonly runtime: "containerd" | "simulated";
    readonly paths: Paths;
    readonly endBy: () => NodeJS.Signals;
  },
  signal: AbortSignal,
): Promise<number | null> {
  const namespace = `/run/netns/${segmentOf(at.paths.data).namespaceOf(node.number)}`;
  const within = at.runtime === "containerd" ? ["nsenter", `--net=${namespace}`] : [];
  // Its containers outlive it.
  return await runOwnProgram(
    args,
    { logFile: join(node.directory, agentLogName), within, endBy: at.endBy },
    signal,
  );
}

/** Removes all further nodes and the network between them. @throws {Error} naming what stays. */
export async function resetFurtherNodes(
  paths: Paths,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const segment = segmentOf(paths.data);
  for (const number of await memberNumbers(paths)) {
    const nodeDir = join(paths.nodes, String(number), "node");
    const { cgroupParent, hostTable: table } = nodeNames(nodeDir);
    await removeNodeIngress(nodeDir);
    await resetNode({ nodeDir, cgroupParents: [cgroupParent], table, clock }, signal);
    await removeMember(segment, number, signal);
  }
  await removeSegment(segment, signal);
}
