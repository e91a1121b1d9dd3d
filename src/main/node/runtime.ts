import { join } from "node:path";
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import { startNodeRuntime } from "#cri/containerd/node-runtime.ts";
import type { Runtime } from "#cri/runtime.ts";
import { SimulatedRuntime } from "#cri/simulated/runtime.ts";
import type { DiskOptions } from "#kubelet/host/open-host.ts";
import { refuseOtherNetworks, tableOwner } from "#main/network/other-networks.ts";
import { nodeNames } from "#main/network/node-names.ts";
import { podRange } from "#main/network/network-plan.ts";

/** The pods of a single node: the first /24 of the pod range. */
export const firstPodCidr = "10.244.0.0/24";
const mtu = 1_500;
/** Proxy variables reach containerd, which pulls images. */
const passedOn = ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"];

export interface OpenedRuntime extends AsyncDisposable {
  readonly runtime: Runtime;
  /** Keeps the runtime alive until the signal aborts; containers go on after that. */
  run(signal: AbortSignal): Promise<void>;
}

export interface RuntimeOptions {
  readonly kind: "containerd" | "simulated";
  readonly nodeDirectory: string;
  /** Addresses of this node's pods; no other node may have any of them. */
  readonly podCidr: string;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Starts the runtime of this machine's node, or finds the one that runs already. */
export async function openRuntime(
  options: RuntimeOptions,
  signal: AbortSignal,
): Promise<OpenedRuntime> {
  return options.kind === "containerd"
    ? await openContainerd(options, signal)
    : openSimulated(options);
}

async function openContainerd(
  options: RuntimeOptions,
  signal: AbortSignal,
): Promise<OpenedRuntime> {
  const { clock, log } = options;
  const environment = Object.fromEntries(
    passedOn.flatMap((name) => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
  await refuseOtherNetworks(options.nodeDirectory, signal);
  const opened = await startNodeRuntime(
    {
      nodeDir: options.nodeDirectory,
      podCidr: options.podCidr,
      clusterCidr: podRange,
      mtu,
      table: nodeNames(options.nodeDirectory).hostTable,
      owner: tableOwner(options.nodeDirectory),
      environment,
      arch: process.arch,
      clock,
      log,
    },
    signal,
  );
  return {
    runtime: opened.runtime,
    run: async (stop) => {
      await opened.containerd.run(stop);
    },
    [Symbol.asyncDispose]: () => {
      opened[Symbol.dispose]();
      return Promise.resolve();
    },
  };
}

function openSimulated({ clock, podCidr, log }: RuntimeOptions): OpenedRuntime {
  const runtime = new SimulatedRuntime({
    clock,
    podCidr,
    idPrefix: "",
    delays: { pullMs: 100, sandboxMs: 20, startMs: 20, stopMs: 20 },
    onError: (error) => {
      log.error("simulated container failed", { error: error as Error });
    },
  });
  return {
    runtime,
    run: () => Promise.resolve(),
    [Symbol.asyncDispose]: async () => {
      await runtime[Symbol.asyncDispose]();
    },
  };
}

/** Where the node agent keeps pods' directories and logs. */
export function diskOf(nodeDirectory: string): Pick<DiskOptions, "rootDirectory" | "logDirectory"> {
  return {
    rootDirectory: join(nodeDirectory, "kubelet"),
    logDirectory: join(nodeDirectory, "logs"),
  };
}
