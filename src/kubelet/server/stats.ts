import { formatTime } from "#api/time.ts";
import type { JsonObject } from "#api/object.ts";
import type { Pod } from "#api/gen/types.ts";
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
    node: { nodeName: snapshot.nodeName, startTime: time, ...figures(snapshot.node, time) },
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
  return {
    cpu: { time, usageCoreNanoSeconds: Number(usage.cpuNanoseconds) },
    memory: {
      time,
      usageBytes: usage.memoryUsageBytes,
      workingSetBytes: usage.memoryWorkingSetBytes,
    },
  };
}

/** `/metrics/resource`: the families that metrics-server reads, in Prometheus' text format. */
export function resourceMetrics(snapshot: UsageSnapshot): string {
  const { pods, node, nowMs } = snapshot;
  const containers = pods.flatMap(({ pod, containers: all }) =>
    all.map(({ status, usage }): Sample => {
      return { labels: { container: status.metadata.name, ...podLabels(pod) }, usage };
    }),
  );
  const lines = [
    ...families("container", containers, nowMs),
    ...families(
      "pod",
      pods.map(({ pod, usage }) => ({ labels: podLabels(pod), usage })),
      nowMs,
    ),
    ...families("node", [{ labels: {}, usage: node }], nowMs),
    "# TYPE container_start_time_seconds gauge",
    ...pods.flatMap(({ pod, containers: all }) =>
      all.map(
        ({ status }) =>
          `container_start_time_seconds${labelText({ container: status.metadata.name, ...podLabels(pod) })} ${status.startedAtMs / 1000}`,
      ),
    ),
    "# TYPE scrape_error gauge",
    "scrape_error 0",
  ];
  return `${lines.join("\n")}\n`;
}

interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly usage: ResourceUsage | undefined;
}

function families(subject: string, samples: readonly Sample[], nowMs: number): string[] {
  const cpu = `${subject}_cpu_usage_seconds_total`;
  const memory = `${subject}_memory_working_set_bytes`;
  const known = samples.flatMap(({ labels, usage }) =>
    usage === undefined ? [] : [{ labels: labelText(labels), usage }],
  );
  return [
    `# TYPE ${cpu} counter`,
    ...known.map((it) => `${cpu}${it.labels} ${Number(it.usage.cpuNanoseconds) / 1e9} ${nowMs}`),
    `# TYPE ${memory} gauge`,
    ...known.map((it) => `${memory}${it.labels} ${it.usage.memoryWorkingSetBytes} ${nowMs}`),
  ];
}

function podLabels({ metadata }: Pod): Readonly<Record<string, string>> {
  return { namespace: metadata?.namespace ?? "", pod: metadata?.name ?? "" };
}

/** Names of objects need no escapes. */
function labelText(labels: Readonly<Record<string, string>>): string {
  const entries = Object.entries(labels).map(([name, value]) => `${name}="${value}"`);
  return entries.length === 0 ? "" : `{${entries.join(",")}}`;
}
