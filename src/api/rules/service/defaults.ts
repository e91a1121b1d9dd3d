import type {
  Endpoints,
  EndpointSlice,
  Service,
  ServicePort,
  ServiceSpec,
  ServiceStatus,
} from "#api/gen/types.ts";
import type { Draft } from "#api/rules/rules.ts";
import { isExternallyAccessible } from "./exposure.ts";

/** Seconds that a client stays with one pod. */
const affinityTimeoutSeconds = 10_800;

/** Upstream: `SetDefaults_Service`. Addresses and node ports are allocated by the server. */
export function defaultService(service: Draft<Service>): void {
  const spec = (service.spec ??= {});
  spec.type ||= "ClusterIP";
  defaultAffinity(spec);
  if (spec.ports !== undefined) defaultPorts(spec.ports);
  if (isExternallyAccessible(spec)) spec.externalTrafficPolicy ||= "Cluster";
  if (spec.type !== "ExternalName") spec.internalTrafficPolicy ??= "Cluster";
  if (spec.type === "LoadBalancer") {
    spec.allocateLoadBalancerNodePorts ??= true;
    defaultIngress(service.status ?? {});
  }
}

function defaultPorts(ports: Draft<ServicePort>[]): void {
  for (const it of ports) {
    it.protocol ||= "TCP";
    if (it.port !== undefined) it.targetPort ||= it.port;
  }
}

function defaultIngress(status: Draft<ServiceStatus>): void {
  for (const it of status.loadBalancer?.ingress ?? []) {
    if ((it.ip ?? "") !== "") it.ipMode ??= "VIP";
  }
}

function defaultAffinity(spec: Draft<ServiceSpec>): void {
  spec.sessionAffinity ||= "None";
  if (spec.sessionAffinity === "None") delete spec.sessionAffinityConfig;
  else if (spec.sessionAffinity === "ClientIP") {
    const client = ((spec.sessionAffinityConfig ??= {}).clientIP ??= {});
    client.timeoutSeconds ??= affinityTimeoutSeconds;
  }
}

export function defaultEndpoints(endpoints: Draft<Endpoints>): void {
  for (const subset of endpoints.subsets ?? []) {
    for (const it of subset.ports ?? []) it.protocol ||= "TCP";
  }
}

export function defaultEndpointSlice(slice: Draft<EndpointSlice>): void {
  for (const it of slice.ports ?? []) {
    it.name ??= "";
    it.protocol ??= "TCP";
  }
}
