import { rm } from "node:fs/promises";
import { systemClock } from "#base/clock.ts";
import { resetNode } from "#cri/containerd/reset.ts";
import { down } from "./down.ts";
import { resetFurtherNodes } from "./further-nodes.ts";
import { nodeNames } from "#main/network/node-names.ts";
import { removeNodeIngress } from "#main/network/node-ingress.ts";
import { removeNodeNetwork } from "#main/network/node-network.ts";
import type { Where } from "#main/command-line/options.ts";
import { pathsBelow, runDirectoryOf } from "#main/process/paths.ts";

/**
 * Stops the system and removes everything of it: processes, containers, mounts, network namespaces,
 * control groups, rules, files. May be repeated until it succeeds.
 * @throws {Error} naming what could not be removed.
 */
export async function reset(where: Where, signal: AbortSignal): Promise<void> {
  await down({ ...where, drain: false });
  const paths = pathsBelow(where.dataDir, runDirectoryOf(where.dataDir));
  if (process.getuid?.() === 0) {
    const { cgroupParent, hostTable: table } = nodeNames(paths.node);
    await removeNodeIngress(paths.node);
    await resetFurtherNodes(paths, systemClock, signal);
    await resetNode(
      { nodeDir: paths.node, cgroupParents: [cgroupParent], table, clock: systemClock },
      signal,
    );
    await removeNodeNetwork(paths.node, signal);
  }
  await rm(paths.run, { recursive: true, force: true });
  await rm(paths.data, { recursive: true, force: true });
}
