import type { Clock } from "#base/clock.ts";
import type { MetricRegistry } from "#base/metrics/registry.ts";
import type { Sample } from "#base/metrics/exposition.ts";
import type { QueueObserver } from "./workqueue.ts";

/** What the reconcile loops report. Implemented by whoever exports metrics. */
export interface ReconcileMetrics {
  queue(controller: string): QueueObserver;
  reconciled(controller: string, outcome: "ok" | "requeue" | "error", durationMs: number): void;
}

/** For those who do not want to hear. */
export const noMetrics: ReconcileMetrics = {
  queue: () => ({ added: () => undefined, taken: () => undefined, done: () => undefined }),
  reconciled: () => undefined,
};

/** Seconds; upstream's bounds, ten times each: `component-base/metrics/prometheus/workqueue`. */
const buckets = [1e-8, 1e-7, 1e-6, 1e-5, 0.0001, 0.001, 0.01, 0.1, 1, 10];

/** Counts under upstream's names for work queues, by the names that its queues have. */
export function reconcileMetrics(metrics: MetricRegistry, clock: Clock): ReconcileMetrics {
  const labels = ["name"] as const;
  const depth = metrics.gauge({ name: "workqueue_depth", help: "Keys that wait.", labels });
  const adds = metrics.counter({ name: "workqueue_adds_total", help: "Keys added.", labels });
  const waited = metrics.histogram({
    name: "workqueue_queue_duration_seconds",
    help: "How long keys wait until they are taken.",
    labels,
    buckets,
  });
  const worked = metrics.histogram({
    name: "workqueue_work_duration_seconds",
    help: "How long work on a key takes.",
    labels,
    buckets,
  });
  const retries = metrics.counter({
    name: "workqueue_retries_total",
    help: "Keys to be looked at again later, after a failure or because it was asked for.",
    labels,
  });
  const running = new Running(metrics, clock);
  return {
    queue: (controller) => {
      const name = queueName(controller);
      const series = {
        depth: depth.of(name),
        adds: adds.of(name),
        waited: waited.of(name),
        worked: worked.of(name),
      };
      return {
        added: (now) => {
          series.adds.add();
          series.depth.set(now);
        },
        taken: (key, waitedMs, now) => {
          series.waited.observe(waitedMs / 1_000);
          series.depth.set(now);
          running.begin(name, key);
        },
        done: (key, now) => {
          series.worked.observe(running.end(name, key) / 1_000);
          series.depth.set(now);
        },
      };
    },
    reconciled: (controller, outcome) => {
      if (outcome !== "ok") retries.of(queueName(controller)).add();
    },
  };
}

/** Work under way, so that a worker that hangs is seen before it ends. */
class Running {
  readonly #clock: Clock;
  /** Since when, by key, by queue; monotonic milliseconds. As many as there are workers. */
  readonly #since = new Map<string, Map<unknown, number>>();

  constructor(metrics: MetricRegistry, clock: Clock) {
    this.#clock = clock;
    const type = "gauge";
    metrics.computed(
      {
        name: "workqueue_unfinished_work_seconds",
        help: "How long work has taken that is under way, summed up.",
        type,
      },
      () => this.#samples((ages) => ages.reduce((sum, it) => sum + it, 0)),
    );
    metrics.computed(
      {
        name: "workqueue_longest_running_processor_seconds",
        help: "How long the oldest work has taken that is under way.",
        type,
      },
      () => this.#samples((ages) => Math.max(0, ...ages)),
    );
  }

  begin(queue: string, key: unknown): void {
    let since = this.#since.get(queue);
    if (since === undefined) {
      since = new Map<unknown, number>();
      this.#since.set(queue, since);
    }
    since.set(key, this.#clock.monotonic());
  }

  /** @returns the milliseconds that it took. */
  end(queue: string, key: unknown): number {
    const now = this.#clock.monotonic();
    const since = this.#since.get(queue);
    const at = since?.get(key) ?? now;
    since?.delete(key);
    return now - at;
  }

  *#samples(valueOf: (ages: readonly number[]) => number): Iterable<Sample> {
    const now = this.#clock.monotonic();
    for (const [name, since] of this.#since) {
      const ages = [...since.values()].map((it) => (now - it) / 1_000);
      yield { labels: { name }, value: valueOf(ages) };
    }
  }
}

/** Where upstream calls a queue otherwise than its controller. */
const otherNames: Readonly<Record<string, string | undefined>> = {
  "certificatesigningrequest-controller": "certificate",
  "endpoints-controller": "endpoint",
  "endpointslice-controller": "endpoint_slice",
  "garbage-collector-controller": "garbage_collector_attempt_to_delete",
  "horizontal-pod-autoscaler-controller": "horizontalpodautoscaler",
  "node-lifecycle-controller": "node_lifecycle_controller",
  "persistentvolume-binder-controller": "claims",
  "persistentvolume-protection-controller": "pvprotection",
  "persistentvolumeclaim-protection-controller": "pvcprotection",
  "replicationcontroller-controller": "replicationmanager",
  "root-ca-certificate-publisher": "root_ca_cert_publisher",
  "ttl-after-finished-controller": "ttl_jobs_to_delete",
  "volumeattributesclass-protection-controller": "vacprotection",
};

/** `deployment-controller` -> `deployment`. */
export function queueName(controller: string): string {
  return otherNames[controller] ?? controller.replace(/-controller$/, "").replaceAll("-", "_");
}
