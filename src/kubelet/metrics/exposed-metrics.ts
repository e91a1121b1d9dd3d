import type { Pod } from "#api/gen/types.ts";
import { renderFamilies } from "#base/metrics/exposition.ts";
import type { Clock } from "#base/clock.ts";
import type { MetricRegistry } from "#base/metrics/registry.ts";
import type { MachineFacts } from "#kubelet/node/node-object.ts";
import type { ObservedPod } from "#kubelet/pod/input.ts";
import { cadvisorFamilies } from "./cadvisor.ts";
import { DeviceNames, readGroups, type GroupSource } from "./group-reader.ts";

/** What the kubelet's server shows, in Prometheus' text format. */
export interface ExposedMetrics {
  /** `/metrics`: the node agent's own, and those of what else runs in its process for the node. */
  own(): Promise<string>;
  /** `/metrics/cadvisor` */
  containers(): Promise<string>;
  /** `/metrics/probes` */
  probes(): Promise<string>;
}

export interface ExposedMetricsOptions {
  readonly metrics: MetricRegistry;
  readonly probes: MetricRegistry;
  /** Undefined where containers are not real. */
  readonly groups: GroupSource | undefined;
  readonly pods: () => readonly Pod[];
  readonly observed: (pod: Pod) => ObservedPod;
  readonly machine: () => MachineFacts;
  /** On the disk that pods use. */
  readonly nodeDirectory: string;
  readonly clock: Clock;
}

export function exposedMetrics(options: ExposedMetricsOptions): ExposedMetrics {
  const devices = new DeviceNames();
  return {
    own: () => options.metrics.render(),
    probes: () => options.probes.render(),
    containers: async () => {
      const { groups, pods, observed, machine, clock, nodeDirectory } = options;
      const running = pods().map((pod) => ({ pod, observed: observed(pod) }));
      const readings = groups === undefined ? [] : await readGroups(groups, running, nodeDirectory);
      await devices.learn(readings.flatMap((it) => it.stats.devices.map(({ device }) => device)));
      const deviceName = (device: string): string => devices.nameOf(device);
      const at = { nowMs: clock.now(), machine: machine(), deviceName };
      return renderFamilies(cadvisorFamilies(readings, at));
    },
  };
}
