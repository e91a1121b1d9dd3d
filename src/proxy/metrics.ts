import type { Clock } from "#base/clock.ts";
import type { MetricRegistry } from "#base/metrics/registry.ts";

/** Seconds: a millisecond, doubled up to sixteen seconds. */
const syncBuckets = Array.from({ length: 15 }, (_, power) => 0.001 * 2 ** power);
/** Seconds; a part of upstream's, which go on up to five minutes second by second. */
const programmingBuckets = [
  0.05, 0.1, 0.25, 0.5, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 15, 20, 25, 30, 45, 60, 90, 120, 180, 240,
  300,
];
const family = "IPv4";

/** Hears of transactions of a table. */
export interface TableMetrics {
  /** The kernel has what was planned. */
  applied(seconds: number): void;
  failed(): void;
}

/** What the proxy counts, under kube-proxy's names. */
export class ProxyMetrics implements TableMetrics {
  readonly #clock: Clock;
  readonly #syncs;
  readonly #programming;
  readonly #last;
  readonly #failures;
  readonly #changes;
  readonly #pending;
  /** When the oldest change came that is not applied yet, monotonic milliseconds. */
  #oldest: number | undefined;

  constructor(metrics: MetricRegistry, clock: Clock) {
    this.#clock = clock;
    const labels = ["ip_family"] as const;
    const sync = "kubeproxy_sync_proxy_rules";
    this.#syncs = metrics
      .histogram({
        name: `${sync}_duration_seconds`,
        help: "Time of one transaction of rules, planning included.",
        labels,
        buckets: syncBuckets,
      })
      .of(family);
    this.#programming = metrics
      .histogram({
        name: "kubeproxy_network_programming_duration_seconds",
        help: "From when the node saw a change until its rules were in place.",
        labels,
        buckets: programmingBuckets,
      })
      .of(family);
    this.#last = metrics.gauge({
      name: `${sync}_last_timestamp_seconds`,
      help: "When rules were last in place, seconds since the epoch.",
      labels,
    });
    this.#failures = metrics
      .counter({
        name: `${sync}_nftables_sync_failures_total`,
        help: "Transactions that failed.",
        labels,
      })
      .of(family);
    const of = (what: string) => ({
      total: metrics
        .counter({ name: `${sync}_${what}_changes_total`, help: `Changes of ${what}s.` })
        .of(),
      pending: metrics
        .gauge({
          name: `${sync}_${what}_changes_pending`,
          help: `Changes of ${what}s that no rules are in place for.`,
        })
        .of(),
    });
    const [service, endpoint] = [of("service"), of("endpoint")];
    this.#changes = { service: service.total, endpoint: endpoint.total };
    this.#pending = { service: service.pending, endpoint: endpoint.pending };
  }

  changed(what: "service" | "endpoint"): void {
    this.#oldest ??= this.#clock.monotonic();
    this.#changes[what].add();
    this.#pending[what].add(1);
  }

  applied(seconds: number): void {
    this.#pending.service.set(0);
    this.#pending.endpoint.set(0);
    this.#syncs.observe(seconds);
    this.#last.of(family).set(this.#clock.now() / 1_000);
    if (this.#oldest === undefined) return;
    this.#programming.observe((this.#clock.monotonic() - this.#oldest) / 1_000);
    this.#oldest = undefined;
  }

  failed(): void {
    this.#failures.add();
  }
}
