import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import { pauseImage, pauseImageName } from "#cri/images/pause.ts";
import { ensureHostNetwork } from "#cri/network.ts";
import { findBinaries } from "./binaries.ts";
import { type NodeLayout, nodeLayout } from "./layout.ts";
import { ContainerdRuntime } from "./runtime.ts";
import { SupervisedContainerd } from "./supervise.ts";

export interface NodeRuntimeOptions {
  /** Absolute; everything of the runtime lives under it. At most 86 bytes, for the sockets. */
  readonly nodeDir: string;
  /** The node's pods, and all pods of the cluster; IPv4. */
  readonly podCidr: string;
  readonly clusterCidr: string;
  readonly mtu: number;
  /** Name of the nftables table for the pod network; one a node. */
  readonly table: string;
  /** Written on the table, for whoever finds it; see `HostNetworkOptions`. */
  readonly owner: string;
  /** Proxy variables for pulls; empty when there are none. */
  readonly environment: Readonly<Record<string, string>>;
  /** `process.arch`. */
  readonly arch: string;
  readonly clock: Clock;
  readonly log: Logger;
}

/** A node's container runtime, ready for pods. */
export interface NodeRuntime extends Disposable {
  readonly runtime: ContainerdRuntime;
  readonly layout: NodeLayout;
  readonly containerd: SupervisedContainerd;
}

/**
 * Starts or adopts the node's containerd, and prepares the pod network and the image of the sandboxes.
 * Then `containerd.run(signal)` keeps it alive. Containers and containerd go on when this process
 * ends; disposing only closes the connection. Root only.
 * @throws {MissingProgramsError} with the packages to install.
 */
export async function startNodeRuntime(
  options: NodeRuntimeOptions,
  signal: AbortSignal,
): Promise<NodeRuntime> {
  const layout = nodeLayout(options.nodeDir);
  const binaries = await findBinaries();
  const { clock, log } = options;
  const [containerd] = await Promise.all([
    SupervisedContainerd.start(
      {
        layout,
        binaries,
        network: { podCidr: options.podCidr, mtu: options.mtu },
        pauseImage: pauseImageName,
        environment: options.environment,
        clock,
        log,
      },
      signal,
    ),
    ensureHostNetwork({
      nft: binaries.nft,
      table: options.table,
      podCidr: options.podCidr,
      clusterCidr: options.clusterCidr,
      owner: options.owner,
    }),
  ]);
  const runtime = new ContainerdRuntime({
    layout,
    clock,
    pauseImage: { name: pauseImageName, archive: () => pauseImage(options.arch) },
  });
  try {
    await runtime.importImage(pauseImage(options.arch), signal);
  } catch (error) {
    runtime[Symbol.dispose]();
    throw error;
  }
  return {
    runtime,
    layout,
    containerd,
    [Symbol.dispose]() {
      runtime[Symbol.dispose]();
    },
  };
}
