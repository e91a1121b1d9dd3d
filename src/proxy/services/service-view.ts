import type { Service, ServicePort, ServiceSpec } from "#api/gen/types.ts";
import { nameOf, namespaceOf } from "#client/object-key.ts";
import { parseAddress } from "#proxy/ipv4.ts";

export type Transport = "tcp" | "udp" | "sctp";

export interface ServicePortView {
  /** `namespace/name/tcp/80`: of one port in the cluster, whatever its name. */
  readonly id: string;
  /** Name by which endpoint slices know the port; "" when it has none. */
  readonly name: string;
  readonly transport: Transport;
  readonly port: number;
  /** 0 when it is not open on nodes. */
  readonly nodePort: number;
}

/** What a node's rules depend on in a service. Addresses are IPv4 only. */
export interface ServiceView {
  readonly namespace: string;
  readonly name: string;
  readonly clusterIps: readonly string[];
  readonly externalIps: readonly string[];
  readonly loadBalancerIps: readonly string[];
  /** Blocks that may use the load balancer's addresses; empty: all. */
  readonly sourceRanges: readonly string[];
  /** Connections of a client stay with one endpoint for so long; undefined: they do not. */
  readonly affinitySeconds: number | undefined;
  readonly internalLocal: boolean;
  readonly externalLocal: boolean;
  /** Where load balancers ask whether this node has endpoints; 0: nowhere. */
  readonly healthCheckPort: number;
  readonly ports: readonly ServicePortView[];
}

/** A service with this label is another proxy's. */
const otherProxyLabel = "service.kubernetes.io/service-proxy-name";
const affinitySecondsDefault = 10_800;

/** Undefined for a service that has no address to be reached at, or that another proxy serves. */
export function serviceView(service: Service): ServiceView | undefined {
  const { spec = {}, metadata } = service;
  const { clusterIP = "", type = "ClusterIP" } = spec;
  if (type === "ExternalName" || clusterIP === "" || clusterIP === "None") return undefined;
  if (metadata?.labels?.[otherProxyLabel] !== undefined) return undefined;
  const [namespace, name] = [namespaceOf(service), nameOf(service)];
  return {
    namespace,
    name,
    clusterIps: (spec.clusterIPs ?? [clusterIP]).filter(isIpv4),
    externalIps: (spec.externalIPs ?? []).filter(isIpv4),
    ...balancerView(service),
    affinitySeconds: affinitySeconds(spec),
    internalLocal: spec.internalTrafficPolicy === "Local",
    externalLocal: spec.externalTrafficPolicy === "Local",
    ports: (spec.ports ?? []).map((it) => portView(`${namespace}/${name}`, it)),
  };
}

function affinitySeconds(spec: ServiceSpec): number | undefined {
  if (spec.sessionAffinity !== "ClientIP") return undefined;
  return spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? affinitySecondsDefault;
}

function portView(service: string, port: ServicePort): ServicePortView {
  const transport = transportOf(port.protocol);
  return {
    id: `${service}/${transport}/${port.port}`,
    name: port.name ?? "",
    transport,
    port: port.port,
    nodePort: port.nodePort ?? 0,
  };
}

function balancerView(
  service: Service,
): Pick<ServiceView, "loadBalancerIps" | "sourceRanges" | "healthCheckPort"> {
  const { spec = {} } = service;
  if (spec.type !== "LoadBalancer") {
    return { loadBalancerIps: [], sourceRanges: [], healthCheckPort: 0 };
  }
  const isLocal = spec.externalTrafficPolicy === "Local";
  return {
    loadBalancerIps: loadBalancerIps(service),
    sourceRanges: spec.loadBalancerSourceRanges ?? [],
    healthCheckPort: isLocal ? (spec.healthCheckNodePort ?? 0) : 0,
  };
}

/** Of a service's or an endpoint slice's port. */
export function transportOf(protocol: string | undefined): Transport {
  return protocol === "UDP" ? "udp" : protocol === "SCTP" ? "sctp" : "tcp";
}

/** An address whose balancer is a proxy of its own is not ours to answer. */
function loadBalancerIps(service: Service): string[] {
  return (service.status?.loadBalancer?.ingress ?? [])
    .filter((it) => it.ipMode !== "Proxy")
    .map((it) => it.ip ?? "")
    .filter(isIpv4);
}

function isIpv4(text: string): boolean {
  return parseAddress(text) !== undefined;
}
