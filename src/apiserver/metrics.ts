import type { CounterSeries, HistogramSeries } from "#base/metrics/instruments.ts";
import type { MetricRegistry } from "#base/metrics/registry.ts";
import { requestKind, unknownKind, type RequestKind } from "./request-kind.ts";
import { headerOf, type ApiRequest, type ResponseBody } from "./http/exchange.ts";
import type { RequestInfo } from "./request-info.ts";

/** Kinds of requests whose series are kept at hand; beyond, they are looked up. */
const kindsMax = 5_000;
/** Upstream's bounds, in seconds: `apiserver/pkg/endpoints/metrics`. */
const buckets = [
  0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45,
  60,
];
const kindLabels = [
  "verb",
  "group",
  "version",
  "resource",
  "subresource",
  "scope",
  "component",
] as const;
const component = "apiserver";

type KindValues = readonly [string, string, string, string, string, string, string];

/** Where requests of one kind count. */
interface KindSeries {
  readonly values: KindValues;
  readonly dryRun: string;
  /** None for those that last: their time says nothing. */
  readonly durations: readonly HistogramSeries[];
  /** By status code. */
  readonly counts: Map<number, CounterSeries>;
}

/** What the API server counts of its requests, under upstream's names. */
export class ApiMetrics {
  readonly #isServed: (info: RequestInfo) => boolean;
  readonly #requests;
  readonly #durations;
  readonly #sliDurations;
  readonly #running;
  readonly #lasting;
  readonly #kinds = new Map<string, KindSeries>();

  /** @param isServed false for resources that do not exist: they get no labels of their own. */
  constructor(metrics: MetricRegistry, isServed: (info: RequestInfo) => boolean) {
    this.#isServed = isServed;
    this.#requests = metrics.counter({
      name: "apiserver_request_total",
      help: "Requests answered, by verb, resource and code.",
      labels: [...kindLabels, "dry_run", "code"],
    });
    this.#durations = metrics.histogram({
      name: "apiserver_request_duration_seconds",
      help: "Time until the response's head was ready; without requests that last.",
      labels: [...kindLabels, "dry_run"],
      buckets,
    });
    this.#sliDurations = metrics.histogram({
      name: "apiserver_request_sli_duration_seconds",
      help: "The same, under the name that rules about service levels read; without dry runs.",
      labels: kindLabels,
      buckets,
    });
    const running = metrics.gauge({
      name: "apiserver_current_inflight_requests",
      help: "Requests whose response's head is not ready yet.",
      labels: ["request_kind"],
    });
    this.#running = { mutating: running.of("mutating"), readOnly: running.of("readOnly") };
    this.#lasting = metrics.gauge({
      name: "apiserver_longrunning_requests",
      help: "Watches and connections (exec, logs that are followed, proxies) that are open.",
      labels: kindLabels,
    });
  }

  /** A request came. Call {@link finished} when its response's head is ready. */
  started(info: RequestInfo | undefined): void {
    this.#runningOf(info).add(1);
  }

  finished(
    request: ApiRequest,
    info: RequestInfo | undefined,
    result: { readonly code: number; readonly seconds: number },
  ): void {
    const { code, seconds } = result;
    this.#runningOf(info).add(-1);
    const kind = this.#kindOf(request, info);
    let count = kind.counts.get(code);
    if (count === undefined) {
      count = this.#requests.of(...kind.values, kind.dryRun, String(code));
      kind.counts.set(code, count);
    }
    count.add();
    for (const it of kind.durations) it.observe(seconds);
  }

  /** Counts a response that lasts while it is written. */
  lasting(request: ApiRequest, info: RequestInfo | undefined, body: ResponseBody): ResponseBody {
    if (body.kind !== "stream" || !body.live) return body;
    return {
      ...body,
      run: async (sink, signal) => {
        const ended = this.connected(request, info);
        try {
          await body.run(sink, signal);
        } finally {
          ended();
        }
      },
    };
  }

  /** Counts a connection until the result is called. */
  connected(request: ApiRequest, info: RequestInfo | undefined): () => void {
    const series = this.#lasting.of(...this.#kindOf(request, info).values);
    series.add(1);
    return () => {
      series.add(-1);
    };
  }

  #runningOf(info: RequestInfo | undefined): { add(amount: number): void } {
    const isReading = info?.verb === "get" || info?.verb === "list" || info?.verb === "watch";
    return isReading ? this.#running.readOnly : this.#running.mutating;
  }

  #kindOf(request: ApiRequest, info: RequestInfo | undefined): KindSeries {
    if (info === undefined) return this.#create(unknownKind);
    const { verb, group, version, resource, subresource } = info;
    const contentType = verb === "patch" ? headerOf(request, "content-type") : undefined;
    // What tells kinds apart, without the work of naming them.
    const of = `${group}/${version}/${resource}/${subresource}`;
    const id = `${verb} ${of} ${info.name === ""} ${info.namespace === ""} ${contentType ?? ""}`;
    const known = info.isResource && !info.query.has("dryRun") ? this.#kinds.get(id) : undefined;
    if (known !== undefined) return known;
    if (info.isResource && !this.#isServed(info)) return this.#create(unknownKind);
    const kind = this.#create(requestKind(info, contentType));
    const isKept = info.isResource && kind.dryRun === "" && this.#kinds.size < kindsMax;
    if (isKept) this.#kinds.set(id, kind);
    return kind;
  }

  #create(kind: RequestKind): KindSeries {
    const { verb, group, version, resource, subresource, scope, dryRun } = kind;
    const values: KindValues = [verb, group, version, resource, subresource, scope, component];
    const lasts = verb === "WATCH" || verb === "CONNECT";
    const durations = [
      ...(lasts ? [] : [this.#durations.of(...values, dryRun)]),
      ...(lasts || dryRun !== "" ? [] : [this.#sliDurations.of(...values)]),
    ];
    return { values, dryRun, durations, counts: new Map() };
  }
}
