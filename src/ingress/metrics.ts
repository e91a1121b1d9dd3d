import type { Clock } from "#base/clock.ts";
import type { Sample } from "#base/metrics/exposition.ts";
import type { MetricRegistry } from "#base/metrics/registry.ts";

/** Figures of a frontend or a backend by their column, of `show stat`. */
export interface ProxyFigures {
  readonly name: string;
  readonly part: "frontend" | "backend";
  readonly columns: ReadonlyMap<string, number>;
}

/** All families of one scrape are of one answer. */
const answerMs = 1_000;

type Definition = readonly [name: string, help: string, type: "counter" | "gauge", column: string];

/** Of both parts, by the names of HAProxy's own exporter. */
const common: readonly Definition[] = [
  ["current_sessions", "Sessions that are open", "gauge", "scur"],
  ["sessions_total", "Sessions", "counter", "stot"],
  ["bytes_in_total", "Bytes from clients", "counter", "bin"],
  ["bytes_out_total", "Bytes to clients", "counter", "bout"],
  ["http_requests_total", "Requests", "counter", "req_tot"],
];
const families: Readonly<Record<ProxyFigures["part"], readonly Definition[]>> = {
  frontend: [...common, ["request_errors_total", "Requests that were bad", "counter", "ereq"]],
  backend: [
    ...common,
    ["current_queue", "Requests that wait for an endpoint", "gauge", "qcur"],
    ["connection_errors_total", "Connections that endpoints refused", "counter", "econ"],
    ["response_errors_total", "Responses that broke off", "counter", "eresp"],
    ["retry_warnings_total", "Requests that were tried again", "counter", "wretr"],
  ],
};
const codes = ["1xx", "2xx", "3xx", "4xx", "5xx", "other"];

/**
 * Tells what the Ingresses' proxy counts: frontends `http` and `https`, and a backend for each
 * service. @param ask for the answer to `show stat`; empty while no proxy runs.
 * @returns takes it away again.
 */
export function exposeProxy(
  metrics: MetricRegistry,
  clock: Clock,
  ask: () => Promise<string>,
): Disposable {
  const stack = new DisposableStack();
  let last: { readonly at: number; readonly figures: Promise<readonly ProxyFigures[]> } | undefined;
  const figures = async (): Promise<readonly ProxyFigures[]> => {
    const now = clock.monotonic();
    if (last === undefined || now - last.at >= answerMs) {
      last = { at: now, figures: ask().then(readFigures) };
    }
    return await last.figures;
  };
  for (const part of ["frontend", "backend"] as const) {
    const expose = (
      head: { readonly name: string; readonly help: string; readonly type: "counter" | "gauge" },
      samples: (of: ProxyFigures) => readonly Sample[],
    ): void => {
      const name = `haproxy_${part}_${head.name}`;
      const help = `${head.help}, by ${part}.`;
      stack.defer(
        metrics.computed({ ...head, name, help }, async () => {
          return (await figures()).filter((it) => it.part === part).flatMap(samples);
        }),
      );
    };
    for (const [name, help, type, column] of families[part]) {
      expose({ name, help, type }, (it) => sample(it, column, {}));
    }
    const responses = { name: "http_responses_total", help: "Responses", type: "counter" } as const;
    expose(responses, (it) => codes.flatMap((code) => sample(it, `hrsp_${code}`, { code })));
  }
  return stack;
}

function sample(
  { name, columns }: ProxyFigures,
  column: string,
  labels: Readonly<Record<string, string>>,
): readonly Sample[] {
  const value = columns.get(column);
  return value === undefined ? [] : [{ labels: { proxy: name, ...labels }, value }];
}

/** Reads the answer to `show stat`, values separated by commas below a line of their names. */
export function readFigures(answer: string): readonly ProxyFigures[] {
  const [head = "", ...lines] = answer.split("\n").filter((it) => it !== "");
  const names = head.replace(/^# /, "").split(",");
  return lines.flatMap((line) => {
    const values = line.split(",");
    const [name = "", part = ""] = values;
    if (part !== "FRONTEND" && part !== "BACKEND") return [];
    const columns = new Map<string, number>();
    for (const [at, column] of names.entries()) {
      const value = values[at] ?? "";
      if (/^\d+$/.test(value)) columns.set(column, Number(value));
    }
    return [{ name, part: part === "FRONTEND" ? "frontend" : "backend", columns }];
  });
}
