import type { Service, ServiceSpec } from "#api/gen/types.ts";
import { semanticEqual } from "#api/rules/equality.ts";
import type { Draft, Loose } from "#api/rules/rules.ts";
import {
  isExternallyAccessible,
  needsClusterIp,
  needsHealthCheck,
  needsNodePort,
} from "./exposure.ts";

type Spec = Loose<ServiceSpec>;

/** `clusterIP` is the first of `clusterIPs`; old clients know only the one. */
export function prepareServiceCreate(service: Draft<Service>): void {
  const spec = (service.spec ??= {});
  if ((spec.clusterIP ?? "") !== "" && (spec.clusterIPs ?? []).length === 0) {
    spec.clusterIPs = [spec.clusterIP ?? ""];
  }
}

/**
 * Puts back what the server allocated and the client left out, and takes away what a change of type
 * makes meaningless. Upstream: `normalizeClusterIPs`, `patchAllocatedValues`,
 * `dropTypeDependentFields`.
 */
export function prepareServiceUpdate(next: Draft<Service>, previous: Loose<Service>): void {
  const spec = (next.spec ??= {});
  const old = previous.spec ?? {};
  normalizeAddresses(spec, old);
  dropForType(spec, old);
  keepAllocated(spec, old);
  if (spec.type !== "LoadBalancer" && next.status !== undefined) next.status.loadBalancer = {};
}

function normalizeAddresses(spec: Draft<ServiceSpec>, old: Spec): void {
  const [ip, before] = [spec.clusterIP ?? "", old.clusterIP ?? ""];
  const oldIps = old.clusterIPs ?? [];
  if (ip === before) {
    if (oldIps.length > 0 && (spec.clusterIPs ?? []).length === 0) spec.clusterIPs = [...oldIps];
  } else if (semanticEqual(spec.clusterIPs, oldIps)) {
    if (before !== "" && ip === "") delete spec.clusterIPs;
    else spec.clusterIPs = [ip];
  }
}

function dropForType(spec: Draft<ServiceSpec>, old: Spec): void {
  if (needsClusterIp(old) && !needsClusterIp(spec)) {
    dropIfSame(spec, old, ["clusterIP", "clusterIPs"]);
    dropIfSame(spec, old, ["ipFamilies"]);
    dropIfSame(spec, old, ["ipFamilyPolicy"]);
    dropIfSame(spec, old, ["internalTrafficPolicy"]);
  }
  if (needsNodePort(old) && !needsNodePort(spec) && !hasNewNodePorts(spec, old)) {
    for (const it of spec.ports ?? []) delete it.nodePort;
  }
  if (needsHealthCheck(old) && !needsHealthCheck(spec)) {
    dropIfSame(spec, old, ["healthCheckNodePort"]);
  }
  if (old.type === "LoadBalancer" && spec.type !== "LoadBalancer") {
    dropIfSame(spec, old, ["allocateLoadBalancerNodePorts"]);
    dropIfSame(spec, old, ["loadBalancerClass"]);
  }
  if (isExternallyAccessible(old) && !isExternallyAccessible(spec)) {
    dropIfSame(spec, old, ["externalTrafficPolicy"]);
  }
}

// What the user changed along with the type is left for validation to refuse.
function dropIfSame(
  spec: Draft<ServiceSpec>,
  old: Spec,
  fields: readonly (keyof ServiceSpec)[],
): void {
  if (!fields.every((it) => semanticEqual(spec[it], old[it]))) return;
  for (const it of fields) Reflect.deleteProperty(spec, it);
}

function nodePortsOf(spec: Spec): Set<number> {
  return new Set((spec.ports ?? []).map((it) => it.nodePort ?? 0).filter((it) => it !== 0));
}

function hasNewNodePorts(spec: Spec, old: Spec): boolean {
  const before = nodePortsOf(old);
  return [...nodePortsOf(spec)].some((it) => !before.has(it));
}

function keepAllocated(spec: Draft<ServiceSpec>, old: Spec): void {
  if (needsClusterIp(old) && needsClusterIp(spec)) keepAddresses(spec, old);
  if (needsNodePort(old) && needsNodePort(spec)) keepNodePorts(spec, old);
  const port = old.healthCheckNodePort;
  if (needsHealthCheck(old) && needsHealthCheck(spec) && port !== undefined) {
    spec.healthCheckNodePort ||= port;
  }
}

function keepAddresses(spec: Draft<ServiceSpec>, old: Spec): void {
  if (old.clusterIP !== undefined) spec.clusterIP ||= old.clusterIP;
  for (const list of ["clusterIPs", "ipFamilies"] as const) {
    const before = old[list];
    if ((spec[list] ?? []).length === 0 && before !== undefined) spec[list] = [...before];
  }
  if (old.ipFamilyPolicy !== undefined) spec.ipFamilyPolicy ??= old.ipFamilyPolicy;
}

/** A port of the same name keeps its node port, unless another port now claims it. */
function keepNodePorts(spec: Draft<ServiceSpec>, old: Spec): void {
  const used = nodePortsOf(spec);
  const byName = new Map((old.ports ?? []).map((it) => [it.name ?? "", it.nodePort ?? 0]));
  for (const it of spec.ports ?? []) {
    if ((it.nodePort ?? 0) !== 0) continue;
    const before = byName.get(it.name ?? "") ?? 0;
    if (before !== 0 && !used.has(before)) it.nodePort = before;
  }
}
