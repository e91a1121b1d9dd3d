import type { Pod } from "#api/gen/types.ts";
import type { Clock } from "#base/clock.ts";
import type { Sample } from "#base/metrics/exposition.ts";
import type { MetricRegistry } from "#base/metrics/registry.ts";
import type { ContainerState } from "#cri/runtime.ts";
import type { ContainerRole } from "#kubelet/pod/containers.ts";
import type { ObservedPod } from "#kubelet/pod/input.ts";

/** Prometheus' usual bounds, seconds. */
const usualBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const podStartBuckets = [
  0.5, 1, 2, 3, 4, 5, 6, 8, 10, 20, 30, 45, 60, 120, 180, 240, 300, 360, 480, 600, 900, 1_200,
  1_800, 2_700, 3_600,
];
const statusBuckets = [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 20, 30, 45, 60];

/** What work on a pod was about; upstream's words. */
export type PodWork = "create" | "update" | "sync" | "terminate";

/** What the node agent counts, under the names of upstream's `pkg/kubelet/metrics`. */
export class KubeletMetrics {
  readonly #clock: Clock;
  readonly #metrics: MetricRegistry;
  readonly #work;
  readonly #starts;
  readonly #totalStarts;
  readonly #statuses;
  readonly #started;
  readonly #startErrors;
  readonly #evictions;
  readonly #rejections;
  readonly #relists;
  readonly #intervals;
  readonly #lastRelist;
  #relistedAt: number | undefined;

  constructor(metrics: MetricRegistry, clock: Clock) {
    this.#metrics = metrics;
    this.#clock = clock;
    const histogram = (name: string, help: string, buckets: readonly number[]) =>
      metrics.histogram({ name, help, buckets });
    this.#work = metrics.histogram({
      name: "kubelet_pod_worker_duration_seconds",
      help: "Time of one piece of work on a pod.",
      labels: ["operation_type"],
      buckets: usualBuckets,
    });
    const start = "kubelet_pod_start";
    const seen = "From when the agent first saw a pod until it ran.";
    this.#starts = histogram(`${start}_duration_seconds`, seen, podStartBuckets);
    const made = "From when a pod was made until it ran, images and init containers included.";
    this.#totalStarts = histogram(`${start}_total_duration_seconds`, made, podStartBuckets);
    const synced = "Time until the API had the status of a pod.";
    this.#statuses = histogram("kubelet_pod_status_sync_duration_seconds", synced, statusBuckets);
    this.#started = metrics.counter({
      name: "kubelet_started_containers_total",
      help: "Containers started.",
      labels: ["container_type"],
    });
    this.#startErrors = metrics.counter({
      name: "kubelet_started_containers_errors_total",
      help: "Containers that could not be started, by the reason that the pod's status shows.",
      labels: ["container_type", "code"],
    });
    this.#evictions = metrics.counter({
      name: "kubelet_evictions",
      help: "Pods ended because the node was short of something.",
      labels: ["eviction_signal"],
    });
    this.#rejections = metrics.counter({
      name: "kubelet_admission_rejections_total",
      help: "Pods that the node did not take.",
      labels: ["reason"],
    });
    const relist = "kubelet_pleg_relist";
    const listed = "Time to list what the runtime has.";
    this.#relists = histogram(`${relist}_duration_seconds`, listed, usualBuckets);
    const between = "Time between two lists of what the runtime has.";
    this.#intervals = histogram(`${relist}_interval_seconds`, between, [...usualBuckets, 20, 60]);
    this.#lastRelist = metrics.gauge({
      name: "kubelet_pleg_last_seen_seconds",
      help: "When the runtime was last listed, seconds since the epoch.",
    });
  }

  worked(work: PodWork, seconds: number): void {
    this.#work.of(work).observe(seconds);
  }

  /** A pod runs that did not before. */
  podStarted(seconds: { readonly sinceSeen: number; readonly sinceCreated: number }): void {
    this.#starts.of().observe(seconds.sinceSeen);
    this.#totalStarts.of().observe(seconds.sinceCreated);
  }

  statusWritten(seconds: number): void {
    this.#statuses.of().observe(seconds);
  }

  containerStarted(role: ContainerRole): void {
    this.#started.of(containerType(role)).add();
  }

  containerNotStarted(role: ContainerRole, reason: string): void {
    this.#startErrors.of(containerType(role), reason).add();
  }

  /** @param eviction the signal, as in `memory.available`. */
  evicted(eviction: string): void {
    this.#evictions.of(eviction).add();
  }

  rejected(reason: string): void {
    this.#rejections.of(reason).add();
  }

  relisted(seconds: number): void {
    const now = this.#clock.monotonic();
    this.#relists.of().observe(seconds);
    if (this.#relistedAt !== undefined) {
      this.#intervals.of().observe((now - this.#relistedAt) / 1_000);
    }
    this.#relistedAt = now;
    this.#lastRelist.of().set(this.#clock.now() / 1_000);
  }

  /** Tells of the node and what runs on it, from now on. */
  expose(node: {
    readonly name: string;
    readonly pods: () => readonly Pod[];
    readonly activePods: () => readonly Pod[];
    readonly observed: () => readonly ObservedPod[];
  }): void {
    const gauge = (name: string, help: string, read: () => Iterable<Sample>): void => {
      this.#metrics.computed({ name, help, type: "gauge" }, read);
    };
    gauge("kubelet_node_name", "The node; always 1.", () => [
      { labels: { node: node.name }, value: 1 },
    ]);
    gauge("kubelet_running_pods", "Pods with a sandbox that runs.", () => {
      const running = node.observed().filter(hasReadySandbox).length;
      return [{ labels: {}, value: running }];
    });
    gauge("kubelet_running_containers", "Containers by their state.", () =>
      containerStates(node.observed()),
    );
    gauge("kubelet_desired_pods", "Pods that the node is to run.", () => byStatic(node.pods()));
    gauge("kubelet_active_pods", "Pods that count against what the node has.", () =>
      byStatic(node.activePods()),
    );
    gauge("volume_manager_total_volumes", "Volumes of pods that are here.", () =>
      volumesByPlugin(node.activePods()),
    );
  }
}

function containerType(role: ContainerRole): string {
  if (role === "ephemeral") return "ephemeral_container";
  return role === "regular" ? "container" : "init_container";
}

function hasReadySandbox({ sandboxes }: ObservedPod): boolean {
  return sandboxes.some((it) => it.state === "ready");
}

function containerStates(pods: readonly ObservedPod[]): Sample[] {
  const counts = new Map<ContainerState, number>([["running", 0]]);
  for (const { containers } of pods) {
    for (const { state } of containers) counts.set(state, (counts.get(state) ?? 0) + 1);
  }
  return [...counts].map(([state, value]) => ({ labels: { container_state: state }, value }));
}

/** The annotation that tells where a pod comes from; `api` or a folder of the node. */
const sourceAnnotation = "kubernetes.io/config.source";

function byStatic(pods: readonly Pod[]): Sample[] {
  const own = pods.filter((it) => {
    const source = it.metadata?.annotations?.[sourceAnnotation];
    return source !== undefined && source !== "api";
  }).length;
  return [
    { labels: { static: "" }, value: pods.length - own },
    { labels: { static: "true" }, value: own },
  ];
}

/** Kinds of volumes are the fields of a volume, and there are some twenty. */
function volumesByPlugin(pods: readonly Pod[]): Sample[] {
  const counts = new Map<string, number>();
  for (const volume of pods.flatMap((it) => it.spec?.volumes ?? [])) {
    const kind = Object.keys(volume).find((it) => it !== "name") ?? "";
    const name = `kubernetes.io/${pluginNames[kind] ?? kind}`;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return [...counts].map(([plugin_name, value]) => ({
    labels: { plugin_name, state: "desired_state_of_world" },
    value,
  }));
}

/** Where upstream calls the plugin otherwise than the field. */
const pluginNames: Readonly<Record<string, string | undefined>> = {
  configMap: "configmap",
  downwardAPI: "downward-api",
  emptyDir: "empty-dir",
  hostPath: "host-path",
  persistentVolumeClaim: "persistent-claim",
};
