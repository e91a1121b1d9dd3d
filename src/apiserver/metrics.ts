import type { RegistryCache } from "./cache/registry-cache.ts";
import type { RequestInfo } from "./request-info.ts";

/** Series of request counters kept; beyond, requests count under `other`. */
const seriesMax = 5_000;
/** Upper bounds of the duration buckets in seconds. */
const bucketsSeconds = [
  0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.5, 2, 3, 4, 5, 10, 30, 60,
];

interface Durations {
  readonly labels: string;
  readonly buckets: number[];
  sumSeconds: number;
  count: number;
}

/** Counters of the API server, in Prometheus' text form. */
export class ApiMetrics {
  readonly #requests = new Map<string, number>();
  readonly #durations = new Map<string, Durations>();
  /** Labels are made once for each kind of request. */
  readonly #labels = new Map<string, string>();
  #running = 0;

  started(): void {
    this.#running++;
  }

  finished(info: RequestInfo | undefined, code: number, seconds: number): void {
    this.#running--;
    const labels = this.#labelsOf(info);
    const series = `${labels},code="${code}"`;
    const isKnown = this.#requests.has(series) || this.#requests.size < seriesMax;
    const counted = isKnown ? series : `verb="other",code="${code}"`;
    this.#requests.set(counted, (this.#requests.get(counted) ?? 0) + 1);
    if (info?.verb === "watch") return;
    const durations = this.#durationsOf(labels);
    durations.sumSeconds += seconds;
    durations.count++;
    const bucket = bucketsSeconds.findIndex((it) => seconds <= it);
    if (bucket >= 0) durations.buckets[bucket] = (durations.buckets[bucket] ?? 0) + 1;
  }

  /** The text of `/metrics`. */
  render(cache: RegistryCache): string {
    const lines = [
      "# HELP apiserver_request_total Requests answered, by verb, resource and code.",
      "# TYPE apiserver_request_total counter",
    ];
    for (const [series, count] of this.#requests) {
      lines.push(`apiserver_request_total{${series}} ${count}`);
    }
    lines.push(
      "# HELP apiserver_current_inflight_requests Requests under way, watches among them.",
      "# TYPE apiserver_current_inflight_requests gauge",
      `apiserver_current_inflight_requests ${this.#running}`,
      "# HELP apiserver_request_duration_seconds Time until the response's head was ready.",
      "# TYPE apiserver_request_duration_seconds histogram",
      ...[...this.#durations.values()].flatMap(durationLines),
      "# HELP apiserver_storage_objects Objects stored, by resource.",
      "# TYPE apiserver_storage_objects gauge",
    );
    const watches = [
      "# HELP apiserver_registered_watchers Watches open, by resource.",
      "# TYPE apiserver_registered_watchers gauge",
    ];
    for (const it of cache.all) {
      const { group, plural } = it.resource;
      const labels = `group="${group}",resource="${plural}"`;
      lines.push(`apiserver_storage_objects{${labels}} ${it.size}`);
      if (it.fanout.size > 0)
        watches.push(`apiserver_registered_watchers{${labels}} ${it.fanout.size}`);
    }
    return `${[...lines, ...watches].join("\n")}\n`;
  }

  #labelsOf(info: RequestInfo | undefined): string {
    if (info?.isResource !== true) return labelsOf(info);
    const id = `${info.verb} ${info.group}/${info.version}/${info.resource}/${info.subresource}`;
    const known = this.#labels.get(id);
    if (known !== undefined) return known;
    if (this.#labels.size >= seriesMax) this.#labels.clear();
    const labels = labelsOf(info);
    this.#labels.set(id, labels);
    return labels;
  }

  #durationsOf(labels: string): Durations {
    const known = this.#durations.get(labels);
    if (known !== undefined) return known;
    const isFull = this.#durations.size >= seriesMax;
    const made = { labels: isFull ? `verb="other"` : labels, buckets: [], sumSeconds: 0, count: 0 };
    this.#durations.set(made.labels, made);
    return made;
  }
}

function durationLines({ labels, buckets, sumSeconds, count }: Durations): string[] {
  const name = "apiserver_request_duration_seconds";
  let total = 0;
  const lines = bucketsSeconds.map((bound, i) => {
    total += buckets[i] ?? 0;
    return `${name}_bucket{${labels},le="${bound}"} ${total}`;
  });
  return [
    ...lines,
    `${name}_bucket{${labels},le="+Inf"} ${count}`,
    `${name}_sum{${labels}} ${sumSeconds}`,
    `${name}_count{${labels}} ${count}`,
  ];
}

function labelsOf(info: RequestInfo | undefined): string {
  if (info?.isResource !== true) return `verb="${clean(info?.verb ?? "")}",resource=""`;
  const { verb, group, version, resource, subresource } = info;
  return `verb="${clean(verb)}",group="${clean(group)}",version="${clean(version)}",resource="${clean(resource)}",subresource="${clean(subresource)}"`;
}

/** Label values come from URLs. */
function clean(text: string): string {
  return text.replace(/[^\w.:/-]/g, "_").slice(0, 64);
}
