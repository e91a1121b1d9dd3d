import type { JsonObject } from "#api/object.ts";
import { formatTime } from "#api/time.ts";
import type { Usage } from "./samples.ts";

export interface MetricsSubject {
  readonly name: string;
  /** Empty for a node. */
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** A `NodeMetrics`, without kind and version. Upstream: `k8s.io/metrics`, v1beta1. */
export function nodeMetricsObject(subject: MetricsSubject, usage: Usage): JsonObject {
  return { ...head(subject, usage), usage: quantities(usage) };
}

/** A `PodMetrics`; undefined when nothing is known of one of its containers. */
export function podMetricsObject(
  subject: MetricsSubject,
  containers: readonly { readonly name: string; readonly usage: Usage | undefined }[],
): JsonObject | undefined {
  const known = containers.flatMap(({ name, usage }) =>
    usage === undefined ? [] : [{ name, usage }],
  );
  const [first] = known;
  if (first === undefined || known.length < containers.length) return undefined;
  const oldest = known.reduce((a, b) => (b.usage.timeMs < a.usage.timeMs ? b : a), first);
  return {
    ...head(subject, oldest.usage),
    containers: known.map(({ name, usage }) => ({ name, usage: quantities(usage) })),
  };
}

function head({ name, namespace, labels }: MetricsSubject, usage: Usage): JsonObject {
  const time = formatTime(usage.timeMs);
  return {
    metadata: {
      name,
      ...(namespace === "" ? {} : { namespace }),
      creationTimestamp: time,
      ...(Object.keys(labels).length === 0 ? {} : { labels: { ...labels } }),
    },
    timestamp: time,
    window: `${Math.round(usage.windowSeconds * 1_000) / 1_000}s`,
  };
}

function quantities({ cpuNanocores, memoryBytes }: Usage): JsonObject {
  return { cpu: `${cpuNanocores}n`, memory: `${Math.round(memoryBytes / 1_024)}Ki` };
}
