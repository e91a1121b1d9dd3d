import type { Clock } from "#base/clock.ts";
import type { CounterSeries, HistogramSeries } from "#base/metrics/instruments.ts";
import type { MetricRegistry } from "#base/metrics/registry.ts";
import { recordType, responseCode } from "./wire/codes.ts";
import type { Query } from "./wire/query.ts";

/** Seconds: a quarter of a millisecond, doubled up to eight seconds; CoreDNS' own. */
const buckets = Array.from({ length: 16 }, (_, power) => 0.000_25 * 2 ** power);
/** Upstream's address of a server in its labels. */
const server = "dns://:53";
/** Servers of the node whose answers are told apart. */
const serversMax = 16;

const typeNames = new Map<number, string>(
  Object.entries(recordType).map(([name, type]) => [type, name]),
);
const codeNames = new Map<number, string>([
  [responseCode.noError, "NOERROR"],
  [responseCode.formatError, "FORMERR"],
  [responseCode.serverFailure, "SERVFAIL"],
  [responseCode.nameError, "NXDOMAIN"],
  [responseCode.notImplemented, "NOTIMP"],
  [responseCode.refused, "REFUSED"],
]);

export type Protocol = "udp" | "tcp";

/** What the DNS server counts, under CoreDNS' names; `zone` is the cluster's or `.`. */
export class DnsMetrics {
  readonly #clock: Clock;
  readonly #zone: string;
  readonly #requests;
  readonly #durations;
  readonly #responses;
  readonly #hits: CounterSeries;
  readonly #misses: CounterSeries;
  readonly #forwards;
  readonly #forwardTo = new Set<string>();
  readonly #durationOf: Readonly<Record<"own" | "others", HistogramSeries>>;

  /** @param domain as in `cluster.local`. */
  constructor(metrics: MetricRegistry, clock: Clock, domain: string) {
    this.#clock = clock;
    this.#zone = `${domain}.`;
    this.#requests = metrics.counter({
      name: "coredns_dns_requests_total",
      help: "Questions.",
      labels: ["server", "zone", "view", "proto", "family", "type"],
    });
    this.#durations = metrics.histogram({
      name: "coredns_dns_request_duration_seconds",
      help: "Time until a question was answered.",
      labels: ["server", "zone", "view"],
      buckets,
    });
    this.#durationOf = {
      own: this.#durations.of(server, this.#zone, ""),
      others: this.#durations.of(server, ".", ""),
    };
    this.#responses = metrics.counter({
      name: "coredns_dns_responses_total",
      help: "Answers, by their code.",
      labels: ["server", "zone", "view", "rcode", "plugin"],
    });
    const cached = ["server", "type", "zones", "view"] as const;
    this.#hits = metrics
      .counter({ name: "coredns_cache_hits_total", help: "Answers kept.", labels: cached })
      .of(server, "success", ".", "");
    this.#misses = metrics
      .counter({
        name: "coredns_cache_misses_total",
        help: "Answers that were not kept, and so asked for.",
        labels: ["server", "zones", "view"],
      })
      .of(server, ".", "");
    this.#forwards = metrics.histogram({
      name: "coredns_proxy_request_duration_seconds",
      help: "Time until another server answered.",
      labels: ["proxy_name", "to", "rcode"],
      buckets,
    });
  }

  /** A question came at this time. @returns to be called with its answer. */
  asked(query: Query, protocol: Protocol): (answer: Uint8Array, isOwn: boolean) => void {
    const since = this.#clock.monotonic();
    return (answer, isOwn) => {
      const zone = isOwn ? this.#zone : ".";
      const type = typeNames.get(query.type) ?? "other";
      this.#requests.of(server, zone, "", protocol, "1", type).add();
      this.#responses.of(server, zone, "", codeOf(answer), isOwn ? "kubernetes" : "forward").add();
      this.#durationOf[isOwn ? "own" : "others"].observe((this.#clock.monotonic() - since) / 1_000);
    };
  }

  cacheHit(): void {
    this.#hits.add();
  }

  cacheMissed(): void {
    this.#misses.add();
  }

  /** Asks another server. @returns to be called with its answer, undefined when there was none. */
  forwarded(to: string): (answer: Uint8Array | undefined) => void {
    const since = this.#clock.monotonic();
    return (answer) => {
      if (this.#forwardTo.size < serversMax) this.#forwardTo.add(to);
      const named = this.#forwardTo.has(to) ? to : "other";
      const code = answer === undefined ? "SERVFAIL" : codeOf(answer);
      const seconds = (this.#clock.monotonic() - since) / 1_000;
      this.#forwards.of("forward", named, code).observe(seconds);
    };
  }
}

/** Tells how many answers are kept. @returns takes it away again. */
export function exposeCache(metrics: MetricRegistry, cache: { readonly size: number }): () => void {
  const labels = { server, type: "success", zones: ".", view: "" };
  const head = { name: "coredns_cache_entries", help: "Answers kept.", type: "gauge" } as const;
  return metrics.computed(head, () => [{ labels, value: cache.size }]);
}

/** The lower half of the fourth byte of a message. */
function codeOf(message: Uint8Array): string {
  const code = (message[3] ?? 0) & 15;
  return codeNames.get(code) ?? String(code);
}
