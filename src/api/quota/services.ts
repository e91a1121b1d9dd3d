import type { Service } from "#api/gen/types.ts";
import type { Loose } from "#api/rules/rules.ts";
import { countOf, one, zero } from "./amounts.ts";
import { countName, type Measure } from "./measure.ts";

const serviceCount = countName("", "services");
const names = new Set([serviceCount, "services", "services.nodeports", "services.loadbalancers"]);

/** Upstream: `pkg/quota/v1/evaluator/core/services.go`. */
export const serviceMeasure: Measure = {
  counts(name) {
    return names.has(name);
  },
  usage(service: Loose<Service>) {
    return new Map([
      [serviceCount, one],
      ["services", one],
      ["services.nodeports", countOf(nodePortsOf(service))],
      ["services.loadbalancers", service.spec?.type === "LoadBalancer" ? one : zero],
    ]);
  },
};

/** Node ports that the service has or is going to be given. */
function nodePortsOf({ spec = {} }: Loose<Service>): number {
  const ports = spec.ports ?? [];
  if (spec.type === "NodePort") return ports.length;
  if (spec.type !== "LoadBalancer") return 0;
  if (spec.allocateLoadBalancerNodePorts !== false) return ports.length;
  return ports.filter((it) => (it.nodePort ?? 0) !== 0).length;
}
