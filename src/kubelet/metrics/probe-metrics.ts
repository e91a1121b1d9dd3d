import type { Pod } from "#api/gen/types.ts";
import type { MetricRegistry } from "#base/metrics/registry.ts";
import type { ProbeType } from "#kubelet/probes/plan.ts";

/** Seconds; upstream's: `pkg/kubelet/prober/prober_manager.go`. */
const buckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const results = { success: "successful", failure: "failed", error: "unknown" } as const;

/** What probes found; for `/metrics/probes`. */
export class ProbeMetrics {
  readonly #total;
  readonly #durations;
  /** What there are series of, by pod uid. */
  readonly #known = new Map<string, Map<string, () => void>>();

  constructor(metrics: MetricRegistry) {
    this.#total = metrics.counter({
      name: "prober_probe_total",
      help: "Answers of probes.",
      labels: ["probe_type", "result", "container", "pod", "namespace", "pod_uid"],
    });
    this.#durations = metrics.histogram({
      name: "prober_probe_duration_seconds",
      help: "Time until a probe was answered.",
      labels: ["probe_type", "container", "pod", "namespace"],
      buckets,
    });
  }

  answered(
    pod: Pod,
    probe: { readonly type: ProbeType; readonly container: string },
    answer: { readonly kind: keyof typeof results; readonly seconds: number },
  ): void {
    const { name = "", namespace = "", uid = "" } = pod.metadata ?? {};
    const { container } = probe;
    const type = `${probe.type[0]?.toUpperCase() ?? ""}${probe.type.slice(1)}`;
    const counted = [type, results[answer.kind], container, name, namespace, uid] as const;
    const timed = [type, container, name, namespace] as const;
    this.#total.of(...counted).add();
    this.#durations.of(...timed).observe(answer.seconds);
    const of = this.#known.get(uid) ?? new Map<string, () => void>();
    of.set(counted.join("/"), () => {
      this.#total.remove(...counted);
      this.#durations.remove(...timed);
    });
    this.#known.set(uid, of);
  }

  /** The pod is gone. */
  forget(uid: string): void {
    for (const remove of this.#known.get(uid)?.values() ?? []) remove();
    this.#known.delete(uid);
  }
}
