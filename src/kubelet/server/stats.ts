import { formatTime } from "#api/time.ts";
import type { JsonObject } from "#api/object.ts";
import type { Pod } from "#api/gen/types.ts";
import { renderFamilies, type Family, type Labels, type Sample } from "#base/metrics/exposition.ts";
import type { ContainerStatus } from "#cri/runtime.ts";
import type { ServedPods } from "./pods.ts";
import type { ResourceUsage, UsageSource } from "./usage.ts";

/** What things used at one moment. */
export interface UsageSnapshot {
  readonly nodeName: string;
  readonly nowMs: number;
  readonly node: ResourceUsage | undefined;
  readonly pods: readonly PodUsage[];
}

interface PodUsage {
  readonly pod: Pod;
  readonly usage: ResourceUsage | undefined;
  readonly containers: readonly ContainerUsage[];
}

interface ContainerUsage {
  readonly status: ContainerStatus;
  readonly usage: ResourceUsage | undefined;
}

/** Reads what runs, one pod after another. */
export async function takeSnapshot(
  pods: ServedPods,
  source: UsageSource,
  at: { readonly nodeName: string; readonly nowMs: number },
): Promise<UsageSnapshot> {
  const usages: PodUsage[] = [];
  for (const pod of pods.list()) {
    const { namespace = "", name = "", uid } = pod.metadata ?? {};
    const running =
      pods.find(namespace, name, uid)?.observed.containers.filter((it) => it.state === "running") ??
      [];
    const containers = await Promise.all(
      running.map(async (status) => ({ status, usage: await source.container(pod, status.id) })),
    );
    usages.push({ pod, usage: await source.pod(pod), containers });
  }
  return { ...at, node: await source.node(), pods: usages };
}

/** `/stats/summary`: the parts of `stats/v1alpha1.Summary` that are known. */
export function summaryOf(snapshot: UsageSnapshot): JsonObject {
  const time = formatTime(snapshot.nowMs);
  return {
    node: {
      nodeName: snapshot.nodeName,
      startTime: formatTime(snapshot.node?.machine?.bootedAtMs ?? snapshot.nowMs),
      ...figures(snapshot.node, time),
    },
    pods: snapshot.pods.map(({ pod, usage, containers }) => ({
      podRef: {
        name: pod.metadata?.name ?? "",
        namespace: pod.metadata?.namespace ?? "",
        uid: pod.metadata?.uid ?? "",
      },
      startTime: pod.status?.startTime ?? time,
      containers: containers.map((it) => ({
        name: it.status.metadata.name,
        startTime: formatTime(it.status.startedAtMs),
        ...figures(it.usage, time),
      })),
      ...figures(usage, time),
    })),
  };
}

function figures(usage: ResourceUsage | undefined, time: string): JsonObject {
  if (usage === undefined) return {};
  const availableBytes = usage.machine?.memoryAvailableBytes;
  return {
    cpu: { time, usageCoreNanoSeconds: Number(usage.cpuNanoseconds) },
    memory: {
      time,
      ...(availableBytes !== undefined && { availableBytes }),
      usageBytes: usage.memoryUsageBytes,
      workingSetBytes: usage.memoryWorkingSetBytes,
    },
  };
}

/** `/metrics/resource`: the families that metrics-server reads, in Prometheus' text format. */
export function resourceMetrics(snapshot: UsageSnapshot): string {
  const { pods, node, nowMs } = snapshot;
  const containers = pods.flatMap(({ pod, containers: all }) =>
    all.map(({ status, usage }) => {
      return { labels: { container: status.metadata.name, ...podLabels(pod) }, usage, status };
    }),
  );
  const started = containers.map(({ labels, status }) => {
    return { labels, value: status.startedAtMs / 1_000 };
  });
  return renderFamilies([
    ...usageFamilies("container", containers, nowMs),
    ...usageFamilies(
      "pod",
      pods.map(({ pod, usage }) => ({ labels: podLabels(pod), usage })),
      nowMs,
    ),
    ...usageFamilies("node", [{ labels: {}, usage: node }], nowMs),
    {
      name: "container_start_time_seconds",
      help: "When the container was started, seconds since the epoch.",
      type: "gauge",
      samples: started,
    },
    {
      name: "scrape_error",
      help: "1 where something could not be read.",
      type: "gauge",
      samples: [{ labels: {}, value: 0 }],
    },
  ]);
}

interface Measured {
  readonly labels: Labels;
  readonly usage: ResourceUsage | undefined;
}

function usageFamilies(
  subject: string,
  measured: readonly Measured[],
  timeMs: number,
): readonly Family[] {
  const samples = (read: (usage: ResourceUsage) => number): readonly Sample[] =>
    measured.flatMap(({ labels, usage }) =>
      usage === undefined ? [] : [{ labels, value: read(usage), timeMs }],
    );
  return [
    {
      name: `${subject}_cpu_usage_seconds_total`,
      help: `Processor time of the ${subject}.`,
      type: "counter",
      samples: samples((it) => Number(it.cpuNanoseconds) / 1e9),
    },
    {
      name: `${subject}_memory_working_set_bytes`,
      help: `Memory of the ${subject} that cannot be dropped at once.`,
      type: "gauge",
      samples: samples((it) => it.memoryWorkingSetBytes),
    },
  ];
}

function podLabels({ metadata }: Pod): Labels {
  return { namespace: metadata?.namespace ?? "", pod: metadata?.name ?? "" };
}
