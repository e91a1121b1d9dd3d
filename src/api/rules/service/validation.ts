import type {
  Endpoints,
  EndpointAddress,
  EndpointSubset,
  Service,
  ServicePort,
  ServiceSpec,
} from "#api/gen/types.ts";
import {
  dns1123LabelFaults,
  dns1123SubdomainFaults,
  portNumberFaults,
  qualifiedNameFaults,
} from "#api/names.ts";
import { cidrFaults, endpointIpFaults, ipFaults, parseIp } from "#api/rules/addresses.ts";
import { semanticEqual } from "#api/rules/equality.ts";
import type { Faults } from "#api/rules/faults.ts";
import { checkLabels } from "#api/rules/labels/validation.ts";
import { protocols } from "#api/rules/pod/containers.ts";
import { checkPortRef } from "#api/rules/pod/probes.ts";
import type { Loose } from "#api/rules/rules.ts";
import { checkClusterIps, checkClusterIpUpdate } from "./cluster-ips.ts";
import { isExternallyAccessible, isHeadless, needsHealthCheck } from "./exposure.ts";

type Spec = Loose<ServiceSpec>;

const serviceTypes = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];

/** Upstream: `validateService`. Runs after addresses and ports have been allocated. */
export function validateService(service: Loose<Service>, at: Faults): void {
  const spec = service.spec ?? {};
  at.enter("spec");
  if ((spec.ports ?? []).length === 0 && !isHeadless(spec) && spec.type !== "ExternalName") {
    at.required("ports");
  }
  checkType(spec, at);
  checkPorts(spec, at);
  checkLabels("selector", spec.selector, at);
  checkAffinity(spec, at);
  if (spec.type !== "ExternalName") checkClusterIps(spec, at);
  for (const [i, ip] of (spec.externalIPs ?? []).entries()) {
    const faults = ipFaults(ip);
    at.invalidAll(`externalIPs[${i}]`, ip, faults.length > 0 ? faults : endpointIpFaults(ip));
  }
  at.oneOf("type", spec.type, serviceTypes);
  checkLoadBalancer(spec, at);
  checkTrafficPolicies(spec, at);
  at.leave();
}

function checkType(spec: Spec, at: Faults): void {
  if ((spec.type === "LoadBalancer" || spec.type === "NodePort") && isHeadless(spec)) {
    const detail = `may not be set to 'None' for ${spec.type} services`;
    at.invalid("clusterIPs[0]", "None", detail);
  }
  if (spec.type !== "ExternalName") return;
  for (const field of ["clusterIPs", "ipFamilies", "ipFamilyPolicy"] as const) {
    const value = spec[field];
    if (value !== undefined && value.length > 0) {
      at.forbidden(field, "may not be set for ExternalName services");
    }
  }
  const name = (spec.externalName ?? "").replace(/\.$/, "");
  if (name === "") at.required("externalName");
  else at.invalidAll("externalName", name, dns1123SubdomainFaults(name));
}

function checkPorts(spec: Spec, at: Faults): void {
  const ports = spec.ports ?? [];
  const names = new Set<string>();
  const nodePorts = new Set<string>();
  const numbers = new Set<string>();
  for (const [i, it] of ports.entries()) {
    at.enter("ports", i);
    checkPort(it, ports.length > 1, names, at);
    const nodePort = it.nodePort ?? 0;
    if (nodePort !== 0) {
      if (spec.type === "ClusterIP") {
        at.forbidden("nodePort", "may not be used when `type` is 'ClusterIP'");
      }
      if (isRepeated(`${it.protocol ?? ""}/${nodePort}`, nodePorts)) {
        at.duplicate("nodePort", nodePort);
      }
    }
    if (isRepeated(`${it.protocol ?? ""}/${it.port ?? 0}`, numbers)) {
      at.duplicate("", { protocol: it.protocol, port: it.port });
    }
    at.leave();
  }
}

function isRepeated(key: string, seen: Set<string>): boolean {
  if (seen.has(key)) return true;
  seen.add(key);
  return false;
}

function checkPort(
  port: Loose<ServicePort>,
  requireName: boolean,
  names: Set<string>,
  at: Faults,
): void {
  checkPortName(port.name ?? "", requireName, at);
  if ((port.name ?? "") !== "" && isRepeated(port.name ?? "", names)) {
    at.duplicate("name", port.name);
  }
  at.invalidAll("port", port.port ?? 0, portNumberFaults(port.port ?? 0));
  at.oneOf("protocol", port.protocol, protocols);
  checkPortRef("targetPort", port.targetPort, at);
  checkAppProtocol(port.appProtocol, at);
}

function checkPortName(name: string, required: boolean, at: Faults): void {
  if (name !== "") at.invalidAll("name", name, dns1123LabelFaults(name));
  else if (required) at.required("name");
}

function checkAppProtocol(protocol: string | undefined, at: Faults): void {
  if (protocol !== undefined) {
    at.invalidAll("appProtocol", protocol, qualifiedNameFaults(protocol));
  }
}

const timeoutMax = 86_400;

function checkAffinity(spec: Spec, at: Faults): void {
  at.oneOf("sessionAffinity", spec.sessionAffinity, ["ClientIP", "None"]);
  const config = spec.sessionAffinityConfig;
  if (spec.sessionAffinity === "None" && config !== undefined) {
    const detail = "must not be set when session affinity is None";
    at.forbidden("sessionAffinityConfig", detail);
  }
  if (spec.sessionAffinity !== "ClientIP") return;
  const seconds = config?.clientIP?.timeoutSeconds;
  const field = "sessionAffinityConfig.clientIP.timeoutSeconds";
  if (seconds === undefined) at.required(field, "when session affinity type is ClientIP");
  else if (seconds <= 0 || seconds > timeoutMax) {
    at.invalid(field, seconds, `must be greater than 0 and less than ${timeoutMax}`);
  }
}

function checkLoadBalancer(spec: Spec, at: Faults): void {
  const detail = "may only be used when `type` is 'LoadBalancer'";
  const isBalanced = spec.type === "LoadBalancer";
  const ranges = spec.loadBalancerSourceRanges ?? [];
  if (ranges.length > 0 && !isBalanced) at.forbidden("LoadBalancerSourceRanges", detail);
  for (const [i, it] of ranges.entries()) {
    at.invalidAll(`LoadBalancerSourceRanges[${i}]`, it.trim(), cidrFaults(it.trim()));
  }
  if (spec.allocateLoadBalancerNodePorts !== undefined && !isBalanced) {
    at.forbidden("allocateLoadBalancerNodePorts", detail);
  }
  const loadBalancerClass = spec.loadBalancerClass;
  if (loadBalancerClass === undefined) return;
  if (!isBalanced) at.forbidden("loadBalancerClass", detail);
  else {
    at.invalidAll("loadBalancerClass", loadBalancerClass, qualifiedNameFaults(loadBalancerClass));
  }
}

const distributions = ["PreferClose", "PreferSameZone", "PreferSameNode"];

function checkTrafficPolicies(spec: Spec, at: Faults): void {
  const external = spec.externalTrafficPolicy ?? "";
  if (isExternallyAccessible(spec)) {
    at.oneOf("externalTrafficPolicy", external, ["Cluster", "Local"]);
  } else if (external !== "") {
    const detail = "may only be set for externally-accessible services";
    at.invalid("externalTrafficPolicy", external, detail);
  }
  const port = spec.healthCheckNodePort ?? 0;
  if (needsHealthCheck(spec)) {
    if (port !== 0) at.invalidAll("healthCheckNodePort", port, portNumberFaults(port));
  } else if (port !== 0) {
    const detail =
      "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'";
    at.invalid("healthCheckNodePort", port, detail);
  }
  const internal = spec.internalTrafficPolicy;
  if (internal !== undefined) at.oneOf("internalTrafficPolicy", internal, ["Cluster", "Local"]);
  else if (spec.type !== "ExternalName") at.required("internalTrafficPolicy");
  at.optionalOneOf("trafficDistribution", spec.trafficDistribution, distributions);
}

export function validateServiceUpdate(
  next: Loose<Service>,
  previous: Loose<Service>,
  at: Faults,
): void {
  const [spec, old] = [next.spec ?? {}, previous.spec ?? {}];
  at.enter("spec");
  checkClusterIpUpdate(spec, old, at);
  const bothBalanced = spec.type === "LoadBalancer" && old.type === "LoadBalancer";
  if (bothBalanced && spec.loadBalancerClass !== old.loadBalancerClass) {
    at.invalid("loadBalancerClass", spec.loadBalancerClass ?? null, "may not change once set");
  }
  const bothChecked = needsHealthCheck(spec) && needsHealthCheck(old);
  if (bothChecked && !semanticEqual(spec.healthCheckNodePort, old.healthCheckNodePort)) {
    at.forbidden("healthCheckNodePort", "field is immutable");
  }
  at.leave();
}

export function validateServiceStatus(
  next: Loose<Service>,
  _previous: Loose<Service>,
  at: Faults,
): void {
  const ingress = next.status?.loadBalancer?.ingress ?? [];
  if (next.spec?.type !== "LoadBalancer" && ingress.length > 0) {
    const detail = "may only be used when `spec.type` is 'LoadBalancer'";
    at.forbidden("status.loadBalancer.ingress", detail);
    return;
  }
  for (const [i, it] of ingress.entries()) {
    at.enter("status.loadBalancer.ingress", i);
    checkBalancerAddress(it, at);
    at.leave();
  }
}

interface BalancerAddress {
  readonly ip?: string | undefined;
  readonly hostname?: string | undefined;
  readonly ipMode?: string | undefined;
}

/** An address in the status of a Service or an Ingress. */
export function checkBalancerAddress(it: BalancerAddress, at: Faults): void {
  const ip = it.ip ?? "";
  if (ip !== "") at.invalidAll("ip", ip, ipFaults(ip));
  if (it.ipMode !== undefined) {
    if (ip === "") at.forbidden("ipMode", "may not be specified when `ip` is not set");
    else at.optionalOneOf("ipMode", it.ipMode, ["Proxy", "VIP"]);
  }
  const hostname = it.hostname ?? "";
  if (hostname === "") return;
  at.invalidAll("hostname", hostname, dns1123SubdomainFaults(hostname));
  if (parseIp(hostname) !== undefined) {
    at.invalid("hostname", hostname, "must be a DNS name, not an IP address");
  }
}

export function validateEndpoints(endpoints: Loose<Endpoints>, at: Faults): void {
  for (const [i, subset] of (endpoints.subsets ?? []).entries()) {
    at.enter("subsets", i);
    checkSubset(subset, at);
    at.leave();
  }
}

function checkSubset(subset: Loose<EndpointSubset>, at: Faults): void {
  const { addresses = [], notReadyAddresses = [], ports = [] } = subset;
  if (addresses.length === 0 && notReadyAddresses.length === 0) {
    at.required("", "must specify `addresses` or `notReadyAddresses`");
  }
  for (const [i, it] of addresses.entries()) checkAddress("addresses", i, it, at);
  for (const [i, it] of notReadyAddresses.entries()) checkAddress("notReadyAddresses", i, it, at);
  for (const [i, it] of ports.entries()) {
    at.enter("ports", i);
    checkPortName(it.name ?? "", ports.length > 1, at);
    at.invalidAll("port", it.port ?? 0, portNumberFaults(it.port ?? 0));
    at.oneOf("protocol", it.protocol, protocols);
    checkAppProtocol(it.appProtocol, at);
    at.leave();
  }
}

function checkAddress(list: string, i: number, it: Loose<EndpointAddress>, at: Faults): void {
  at.enter(list, i);
  const ip = it.ip ?? "";
  const faults = ipFaults(ip);
  at.invalidAll("ip", ip, faults.length > 0 ? faults : endpointIpFaults(ip));
  const hostname = it.hostname ?? "";
  if (hostname !== "") at.invalidAll("hostname", hostname, dns1123LabelFaults(hostname));
  const node = it.nodeName;
  if (node !== undefined) at.invalidAll("nodeName", node, dns1123SubdomainFaults(node));
  at.leave();
}
