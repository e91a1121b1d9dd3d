import type { Clock } from "#base/clock.ts";
import type { CounterSeries, HistogramSeries } from "#base/metrics/instruments.ts";
import type { MetricRegistry } from "#base/metrics/registry.ts";
import { StoreUnavailableError, type Store } from "./store.ts";

/** Seconds; upstream's bounds: `apiserver/pkg/storage/etcd3/metrics`. */
const buckets = [
  0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45,
  60,
];

/** A store that is measured, and knows whether it takes writes. */
export interface MeasuredStore {
  readonly store: Store;
  /** Why the last write was not taken; undefined when it was. */
  readonly fault: () => string | undefined;
}

/**
 * Times each operation under the names that upstream has for etcd's, whatever the store is. Keys are
 * `/registry/<group or "core">/<plural>/…`.
 */
export function measuredStore(
  store: Store,
  to: { readonly metrics: MetricRegistry; readonly clock: Clock },
): MeasuredStore {
  const operations = new Operations(to.metrics, to.clock);
  to.metrics.computed(
    {
      name: "apiserver_storage_size_bytes",
      help: "What the database takes on disk.",
      type: "gauge",
    },
    async () => {
      const value = await store.sizeBytes(new AbortController().signal);
      return [{ labels: { storage_cluster_id: "etcd-0" }, value }];
    },
  );
  let fault: string | undefined;
  const measured: Store = {
    currentRevision: (signal) => store.currentRevision(signal),
    get: (key, signal, revision) =>
      operations.time("get", key, () => store.get(key, signal, revision)),
    range: (request, signal) =>
      operations.time("list", request.start, () => store.range(request, signal)),
    write: (write, signal) => {
      const kind =
        write.kind === "put" ? (write.ifModRevision === 0 ? "create" : "update") : "delete";
      const result = operations.time(kind, write.key, () => store.write(write, signal));
      result.then(
        () => {
          fault = undefined;
        },
        (error: unknown) => {
          if (error instanceof StoreUnavailableError) fault = error.message;
        },
      );
      return result;
    },
    watch: (range, after, signal) => store.watch(range, after, signal),
    requestProgress: () => {
      store.requestProgress();
    },
    compact: (revision, signal) =>
      operations.time("compact", "", () => store.compact(revision, signal)),
    grantLease: (ttlSeconds, signal) => store.grantLease(ttlSeconds, signal),
    renewLease: (id, signal) => store.renewLease(id, signal),
    revokeLease: (id, signal) => store.revokeLease(id, signal),
    sizeBytes: (signal) => store.sizeBytes(signal),
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
  return { store: measured, fault: () => fault };
}

/** Kinds of operations whose series are kept at hand; there are some hundred resources. */
const kindsMax = 5_000;

interface OperationSeries {
  readonly durations: HistogramSeries;
  readonly total: CounterSeries;
  readonly errors: CounterSeries;
}

class Operations {
  readonly #clock: Clock;
  readonly #durations;
  readonly #total;
  readonly #errors;
  readonly #series = new Map<string, OperationSeries>();

  constructor(metrics: MetricRegistry, clock: Clock) {
    this.#clock = clock;
    const labels = ["operation", "group", "resource"] as const;
    this.#durations = metrics.histogram({
      name: "etcd_request_duration_seconds",
      help: "Time of an operation of the store, which need not be etcd.",
      labels,
      buckets,
    });
    this.#total = metrics.counter({
      name: "etcd_requests_total",
      help: "Operations of the store.",
      labels,
    });
    this.#errors = metrics.counter({
      name: "etcd_request_errors_total",
      help: "Operations of the store that failed.",
      labels,
    });
  }

  /** The operation's own promise, so that nobody waits for the measurement. */
  time<T>(operation: string, key: string, run: () => Promise<T>): Promise<T> {
    const since = this.#clock.monotonic();
    const result = run();
    const ended = (): OperationSeries => {
      const series = this.#seriesOf(operation, key);
      series.total.add();
      series.durations.observe((this.#clock.monotonic() - since) / 1_000);
      return series;
    };
    result.then(ended, () => {
      ended().errors.add();
    });
    return result;
  }

  #seriesOf(operation: string, key: string): OperationSeries {
    const [, , group = "", resource = ""] = key.split("/", 4);
    const id = `${operation} ${group}/${resource}`;
    const known = this.#series.get(id);
    if (known !== undefined) return known;
    const values = [operation, group === "core" ? "" : group, resource] as const;
    const series = {
      durations: this.#durations.of(...values),
      total: this.#total.of(...values),
      errors: this.#errors.of(...values),
    };
    if (this.#series.size < kindsMax) this.#series.set(id, series);
    return series;
  }
}
