import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import { SimulatedRuntime } from "#cri/simulated/runtime.ts";
import type { ClusterConnection } from "#kubelet/cluster/connect.ts";
import type { KubeletOptions } from "#kubelet/kubelet.ts";
import { imaginaryMachine } from "#kubelet/node/machine.ts";
import type { EventRecorder } from "#reconcile/events.ts";

export interface SimulatedNode {
  readonly name: string;
  readonly address: string;
  readonly podCidr: string;
  readonly machine: { readonly cpuCount: number; readonly memoryBytes: number };
  readonly relistMs: number;
  readonly cluster: ClusterConnection;
  readonly recorder: EventRecorder;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly onError: (error: unknown) => void;
}

/** The node agent as it is, on a machine that is not there and containers that take no time. */
export function simulatedNode(it: SimulatedNode): KubeletOptions {
  const { name, clock, random, log } = it;
  const machine = imaginaryMachine(name, it.machine);
  return {
    identity: {
      name,
      addresses: [it.address],
      labels: {},
      podsMax: 110,
      port: 0,
      version: "v1.36.0",
    },
    runtime: new SimulatedRuntime({
      clock,
      podCidr: it.podCidr,
      idPrefix: name,
      delays: { pullMs: 0, sandboxMs: 0, startMs: 0, stopMs: 0 },
      onError: it.onError,
    }),
    ports: it.cluster.of(name, it.recorder),
    dns: { servers: [], domain: "cluster.local" },
    disk: undefined,
    housekeeping: undefined,
    staticPodPath: undefined,
    probes: false,
    machine: () => Promise.resolve(machine),
    startsMax: 4,
    relistMs: it.relistMs,
    clock,
    random,
    log,
  };
}
