import type { HealthCheck } from "./plan.ts";

export interface HealthCheckAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What a load balancer is told. Upstream: `pkg/proxy/healthcheck/service_health.go`. */
export function healthCheckAnswer(check: HealthCheck): HealthCheckAnswer {
  const { namespace, name, localEndpoints } = check;
  return {
    status: localEndpoints === 0 ? 503 : 200,
    headers: {
      "content-type": "application/json",
      "x-content-type-options": "nosniff",
      "x-load-balancing-endpoint-weight": String(localEndpoints),
    },
    body: JSON.stringify({
      service: { namespace, name },
      localEndpoints,
      serviceProxyHealthy: true,
    }),
  };
}
