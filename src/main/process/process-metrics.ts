import { readdirSync, readFileSync } from "node:fs";
import {
  monitorEventLoopDelay,
  performance,
  PerformanceObserver,
  type PerformanceEntry,
} from "node:perf_hooks";
import type { MetricRegistry } from "#base/metrics/registry.ts";
import { version } from "./version.ts";

/** How often the event loop's delay is looked at, milliseconds; each look wakes the process. */
const lookMs = 100;
const gcBuckets = [0.001, 0.01, 0.1, 1, 2, 5];
/** Linux gives resident memory in pages of this size; x86 and arm64 as Debian builds it. */
const pageBytes = 4_096;
const gcKinds: Readonly<Record<number, string | undefined>> = {
  1: "minor",
  4: "major",
  8: "incremental",
  16: "weakcb",
};

/**
 * Tells what this process uses, under the names of Prometheus' clients (`process_…`) and of
 * prom-client (`nodejs_…`). May be asked for several registries. Dispose it to stop measuring.
 */
export function exposeProcess(metrics: MetricRegistry): Disposable {
  const stack = new DisposableStack();
  const gauge = (name: string, help: string, read: () => number): void => {
    const head = { name, help, type: "gauge" } as const;
    stack.defer(metrics.computed(head, () => [{ labels: {}, value: read() }]));
  };
  stack.defer(
    metrics.computed(
      {
        name: "process_cpu_seconds_total",
        help: "Processor time of this process.",
        type: "counter",
      },
      () => {
        const { user, system } = process.cpuUsage();
        return [{ labels: {}, value: (user + system) / 1e6 }];
      },
    ),
  );
  gauge("process_start_time_seconds", "When it began.", () => performance.timeOrigin / 1_000);
  gauge("process_resident_memory_bytes", "Resident memory.", () => pagesOf(1) * pageBytes);
  gauge("process_virtual_memory_bytes", "Address space.", () => pagesOf(0) * pageBytes);
  gauge("process_open_fds", "Open files.", () => readdirSync("/proc/self/fd").length);
  gauge("process_max_fds", "Files that may be open.", filesMax);
  gauge("nodejs_heap_size_total_bytes", "Heap.", () => process.memoryUsage().heapTotal);
  gauge("nodejs_heap_size_used_bytes", "Heap in use.", () => process.memoryUsage().heapUsed);
  gauge("nodejs_external_memory_bytes", "Buffers.", () => process.memoryUsage().external);
  stack.defer(
    metrics.computed({ name: "nodejs_version_info", help: "Node.js.", type: "gauge" }, () => [
      { labels: { version: process.version }, value: 1 },
    ]),
  );
  stack.defer(
    metrics.computed({ name: "gantry_build_info", help: "This program.", type: "gauge" }, () => [
      { labels: { version }, value: 1 },
    ]),
  );
  stack.use(exposeEventLoop(metrics));
  stack.use(exposeCollections(metrics));
  return stack;
}

/** Delays since they were last read. */
function exposeEventLoop(metrics: MetricRegistry): Disposable {
  const stack = new DisposableStack();
  const delays = monitorEventLoopDelay({ resolution: lookMs });
  delays.enable();
  stack.defer(() => delays.disable());
  const lag = (suffix: string, help: string, read: () => number): void => {
    const name = `nodejs_eventloop_lag_${suffix}`;
    const value = (): number => Math.max(0, read() / 1e9 - lookMs / 1_000);
    stack.defer(
      metrics.computed({ name, help, type: "gauge" }, () =>
        delays.count === 0 ? [] : [{ labels: {}, value: value() }],
      ),
    );
  };
  lag("mean_seconds", "How late the event loop was, on average.", () => delays.mean);
  lag("p50_seconds", "Half of the time it was at most so late.", () => delays.percentile(50));
  lag("p99_seconds", "Nearly always it was at most so late.", () => delays.percentile(99));
  lag("max_seconds", "How late it was at most since this was last read.", () => {
    const { max } = delays;
    delays.reset();
    return max;
  });
  let before = performance.eventLoopUtilization();
  stack.defer(
    metrics.computed(
      {
        name: "nodejs_eventloop_utilization",
        help: "Share of the time, since it was last read, in which the event loop worked.",
        type: "gauge",
      },
      () => {
        const now = performance.eventLoopUtilization();
        const value = performance.eventLoopUtilization(now, before).utilization;
        before = now;
        return [{ labels: {}, value }];
      },
    ),
  );
  return stack;
}

/** What node:perf_hooks adds to entries of garbage collections. */
interface GcDetail {
  readonly detail?: { readonly kind?: number };
}

function exposeCollections(metrics: MetricRegistry): Disposable {
  const durations = metrics.histogram({
    name: "nodejs_gc_duration_seconds",
    help: "Time of garbage collections.",
    labels: ["kind"],
    buckets: gcBuckets,
  });
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries() as (PerformanceEntry & GcDetail)[]) {
      const kind = gcKinds[entry.detail?.kind ?? 0] ?? "other";
      durations.of(kind).observe(entry.duration / 1_000);
    }
  });
  observer.observe({ entryTypes: ["gc"] });
  return {
    [Symbol.dispose]: () => {
      observer.disconnect();
    },
  };
}

function pagesOf(field: number): number {
  return Number(readFileSync("/proc/self/statm", "latin1").split(" ")[field]);
}

function filesMax(): number {
  const limits = readFileSync("/proc/self/limits", "latin1");
  return Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? NaN);
}
