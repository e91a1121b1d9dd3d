import type { ServiceSpec } from "#api/gen/types.ts";
import type { Loose } from "#api/rules/rules.ts";

type Spec = Loose<ServiceSpec>;

/** Reached from outside of the cluster. Upstream: `service.ExternallyAccessible`. */
export function isExternallyAccessible(spec: Spec): boolean {
  if (spec.type === "LoadBalancer" || spec.type === "NodePort") return true;
  return spec.type === "ClusterIP" && (spec.externalIPs ?? []).length > 0;
}

export function isHeadless(spec: Spec): boolean {
  return spec.clusterIPs?.length === 1 && spec.clusterIPs[0] === "None";
}

/** Has an address in the cluster, `None` included. */
export function needsClusterIp(spec: Spec): boolean {
  return spec.type !== "ExternalName";
}

export function needsNodePort(spec: Spec): boolean {
  return spec.type === "NodePort" || spec.type === "LoadBalancer";
}

/** Has a port on which nodes tell whether they have a pod of it. */
export function needsHealthCheck(spec: Spec): boolean {
  return spec.type === "LoadBalancer" && spec.externalTrafficPolicy === "Local";
}
