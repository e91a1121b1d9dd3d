import type { Sample } from "#base/metrics/exposition.ts";
import type { Counter, Histogram } from "#base/metrics/instruments.ts";
import type { MetricRegistry } from "#base/metrics/registry.ts";

/** How an attempt to find a node for a pod ended. */
export type AttemptResult = "scheduled" | "unschedulable" | "error";

/** Where a pod waits. */
export type QueueName = "active" | "backoff" | "unschedulable";

/** What is looked up when somebody reads the metrics. */
export interface SchedulerSizes {
  /** Pods that wait, by where. */
  pending(): Readonly<Record<QueueName | "gated", number>>;
  /** Pods that found no node, by what was in their way: upstream's names of plugins. */
  refusedBy(): ReadonlyMap<string, number>;
  readonly nodes: number;
  readonly pods: number;
  readonly assumedPods: number;
  readonly bindings: number;
}

type Labels = readonly ["result", "profile"];

/** Attempts of one pod that are told apart. */
const attemptsMax = 15;

/** What the scheduler counts, under upstream's names: `pkg/scheduler/metrics/metrics.go`. */
export class SchedulerMetrics {
  readonly #attempts: Counter<Labels>;
  readonly #attemptSeconds: Histogram<Labels>;
  readonly #algorithmSeconds: Histogram<readonly []>;
  readonly #incoming: Counter<readonly ["queue", "event"]>;
  readonly #sliSeconds: Histogram<readonly ["attempts"]>;
  readonly #attemptsOfPod: Histogram<readonly []>;
  readonly #preemptions: Counter<readonly []>;
  readonly #victims: Histogram<readonly []>;
  readonly #registry: MetricRegistry;
  readonly #profile: string;

  /** @param profile the scheduler's own name. */
  constructor(registry: MetricRegistry, profile: string) {
    this.#registry = registry;
    this.#profile = profile;
    const labels = ["result", "profile"] as const;
    const thousandths = doubled(0.001, 15);
    this.#attempts = registry.counter({
      name: "scheduler_schedule_attempts_total",
      help: "Attempts to find a node for a pod, by how they ended.",
      labels,
    });
    this.#attemptSeconds = registry.histogram({
      name: "scheduler_scheduling_attempt_duration_seconds",
      help: "How long an attempt takes, from the decision to the stored binding.",
      labels,
      buckets: thousandths,
    });
    this.#algorithmSeconds = registry.histogram({
      name: "scheduler_scheduling_algorithm_duration_seconds",
      help: "How long the decision alone takes.",
      buckets: thousandths,
    });
    this.#incoming = registry.counter({
      name: "scheduler_queue_incoming_pods_total",
      help: "Pods that came into a queue, by what brought them there.",
      labels: ["queue", "event"] as const,
    });
    this.#sliSeconds = registry.histogram({
      name: "scheduler_pod_scheduling_sli_duration_seconds",
      help: "From a pod's coming into the queue to its being bound, over all attempts.",
      labels: ["attempts"] as const,
      buckets: doubled(0.01, 20),
    });
    this.#attemptsOfPod = registry.histogram({
      name: "scheduler_pod_scheduling_attempts",
      help: "Attempts that a pod took until it was bound.",
      buckets: doubled(1, 5),
    });
    this.#preemptions = registry.counter({
      name: "scheduler_preemption_attempts_total",
      help: "Looks for pods that could go for another one.",
    });
    this.#victims = registry.histogram({
      name: "scheduler_preemption_victims",
      help: "Pods that went for one.",
      buckets: doubled(1, 7),
    });
  }

  decided(ms: number): void {
    this.#algorithmSeconds.of().observe(ms / 1_000);
  }

  attempted(result: AttemptResult, ms: number): void {
    this.#attempts.of(result, this.#profile).add();
    this.#attemptSeconds.of(result, this.#profile).observe(ms / 1_000);
  }

  /** @param event upstream's label of it, `AssignedPodDelete`. */
  incoming(queue: QueueName, event: string): void {
    this.#incoming.of(queue, event).add();
  }

  bound(attempts: number, ms: number): void {
    const label = attempts >= attemptsMax ? `${attemptsMax}+` : String(attempts);
    this.#sliSeconds.of(label).observe(ms / 1_000);
    this.#attemptsOfPod.of().observe(attempts);
  }

  preemptionTried(): void {
    this.#preemptions.of().add();
  }

  preempted(victims: number): void {
    this.#victims.of().observe(victims);
  }

  /** Shows sizes as they are when the metrics are read, until the returned function is called. */
  show(sizes: SchedulerSizes): () => void {
    const profile = this.#profile;
    const gauge = (name: string, help: string, samples: () => Sample[]): (() => void) =>
      this.#registry.computed({ name, help, type: "gauge" }, samples);
    const removals = [
      gauge("scheduler_pending_pods", "Pods that wait for a node, by queue.", () =>
        Object.entries(sizes.pending()).map(([queue, value]) => ({ labels: { queue }, value })),
      ),
      gauge(
        "scheduler_unschedulable_pods",
        "Pods that found no node, by what was in their way.",
        () =>
          [...sizes.refusedBy()].map(([plugin, value]) => ({ labels: { plugin, profile }, value })),
      ),
      gauge("scheduler_cache_size", "Nodes and pods that the scheduler knows.", () => [
        { labels: { type: "assumed_pods" }, value: sizes.assumedPods },
        { labels: { type: "nodes" }, value: sizes.nodes },
        { labels: { type: "pods" }, value: sizes.pods },
      ]),
      gauge("scheduler_goroutines", "Work under way, by what it is.", () => [
        { labels: { operation: "binding" }, value: sizes.bindings },
      ]),
    ];
    return () => {
      for (const remove of removals) remove();
    };
  }
}

/** So many bounds, each twice the one before. */
function doubled(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => first * 2 ** i);
}
