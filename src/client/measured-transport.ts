import type { Clock } from "#base/clock.ts";
import type { MetricRegistry } from "#base/metrics/registry.ts";
import type { Transport } from "./transport.ts";

/** Seconds; upstream's bounds: `component-base/metrics/prometheus/restclient`. */
const buckets = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60];

/**
 * Counts the requests that components send, under client-go's names.
 * @param host of the API server, as in `10.0.0.1:6443`.
 */
export function measuredTransport(
  transport: Transport,
  host: string,
  to: { readonly metrics: MetricRegistry; readonly clock: Clock },
): Transport {
  const { metrics, clock } = to;
  const requests = metrics.counter({
    name: "rest_client_requests_total",
    help: "Requests to the API server, by status code; `<error>` where there was no answer.",
    labels: ["code", "host", "method"],
  });
  const durations = metrics.histogram({
    name: "rest_client_request_duration_seconds",
    help: "Time until the answer's head was there.",
    labels: ["host", "verb"],
    buckets,
  });
  return {
    async send(request, signal) {
      const since = clock.monotonic();
      let code = "<error>";
      try {
        const response = await transport.send(request, signal);
        code = String(response.status);
        return response;
      } finally {
        requests.of(code, host, request.method).add();
        durations.of(host, request.method).observe((clock.monotonic() - since) / 1_000);
      }
    },
  };
}
