import {
  childList,
  childObject,
  childString,
  isJsonObject,
  type Json,
  type JsonObject,
} from "#api/object.ts";
import { FieldPath, invalid, type FieldError } from "#api/field.ts";

const family = "IPv4";

/**
 * Takes over what the server chose earlier and the client left out: cluster IPs, node ports, the
 * port of the health check; and drops what the new type of the service has no use for. Upstream:
 * `pkg/registry/core/service/storage/storage.go`, `patchAllocatedValues`, and
 * `strategy.go`, `dropTypeDependentFields`.
 */
export function carryOver(spec: JsonObject, before: JsonObject): void {
  carryAddresses(spec, before);
  const needs = needsNodePorts(spec);
  if (needsNodePorts(before)) {
    if (needs) carryNodePorts(spec, before);
    else dropNodePorts(spec, before);
  }
  if (needsHealthCheck(before)) {
    if (needsHealthCheck(spec)) spec["healthCheckNodePort"] ??= before["healthCheckNodePort"];
    else dropSame(spec, before, ["healthCheckNodePort"]);
  }
  const { type } = spec;
  if (before["type"] === "LoadBalancer" && type !== "LoadBalancer") {
    dropSame(spec, before, ["allocateLoadBalancerNodePorts", "loadBalancerClass"]);
  }
  if (needsNodePorts(before) && !needs) dropSame(spec, before, ["externalTrafficPolicy"]);
}

function carryAddresses(spec: JsonObject, before: JsonObject): void {
  if (!needsAddress(before)) return;
  if (!needsAddress(spec)) {
    const address = ["clusterIP", "clusterIPs"];
    if (address.every((it) => same(spec[it], before[it]))) dropSame(spec, before, address);
    dropSame(spec, before, ["ipFamilies", "ipFamilyPolicy"]);
    return;
  }
  const before1 = childString(before, "clusterIP") ?? "";
  const given = childString(spec, "clusterIP") ?? "";
  const list = childList(spec, "clusterIPs");
  // A client that knows only the single field sends the list unchanged or not at all.
  if (given === "" && (list.length === 0 || same(list, before["clusterIPs"]))) {
    spec["clusterIP"] = before1;
    spec["clusterIPs"] = [...childList(before, "clusterIPs")];
  } else if (list.length === 0) {
    spec["clusterIPs"] = given === before1 ? [...childList(before, "clusterIPs")] : [given];
  } else if (given !== before1 && same(list, before["clusterIPs"])) {
    spec["clusterIPs"] = [given];
  }
}

function carryNodePorts(spec: JsonObject, before: JsonObject): void {
  const old = portsOf(before);
  const used = new Set(portsOf(spec).map((it) => it["nodePort"]));
  for (const port of portsOf(spec)) {
    if (hasNodePort(port)) continue;
    const match = old.find((it) => {
      const alike = it["port"] === port["port"] && protocolOf(it) === protocolOf(port);
      return alike && !used.has(it["nodePort"]);
    });
    if (match?.["nodePort"] === undefined) continue;
    port["nodePort"] = match["nodePort"];
    used.add(match["nodePort"]);
  }
}

/** Only when no port asks for a number that it did not have: that is refused by validation. */
function dropNodePorts(spec: JsonObject, before: JsonObject): void {
  const old = new Set(portsOf(before).map((it) => it["nodePort"]));
  const ports = portsOf(spec);
  if (ports.some((it) => hasNodePort(it) && !old.has(it["nodePort"]))) return;
  for (const port of ports) Reflect.deleteProperty(port, "nodePort");
}

function dropSame(spec: JsonObject, before: JsonObject, fields: readonly string[]): void {
  for (const it of fields) if (same(spec[it], before[it])) Reflect.deleteProperty(spec, it);
}

/**
 * Sets `ipFamilies` and `ipFamilyPolicy`, for a cluster that has IPv4 only. Returns the faults of
 * what the client asked for. Upstream: `storage/alloc.go`, `initIPFamilyFields`.
 */
export function setFamilies(spec: JsonObject, before: JsonObject | undefined): FieldError[] {
  if (!needsAddress(spec)) return [];
  const selectorless = Object.keys(childObject(spec, "selector") ?? {}).length === 0;
  const anyFamily = isHeadless(spec) && selectorless;
  const standard = anyFamily ? "RequireDualStack" : "SingleStack";
  const policy =
    childString(spec, "ipFamilyPolicy") ?? childString(before, "ipFamilyPolicy") ?? standard;
  spec["ipFamilyPolicy"] = policy;
  const given = childList(spec, "ipFamilies").filter((it) => typeof it === "string");
  const families = given.length === 0 ? [family] : given;
  if (anyFamily) {
    if (families.length < 2 && policy !== "SingleStack") {
      families.push(families[0] === family ? "IPv6" : family);
    }
    spec["ipFamilies"] = families;
    return [];
  }
  const faults = familyFaults(policy, families);
  if (faults.length === 0) spec["ipFamilies"] = families;
  return faults;
}

function familyFaults(policy: string, families: readonly string[]): FieldError[] {
  const faults: FieldError[] = [];
  const path = new FieldPath("spec");
  if (policy === "RequireDualStack") {
    const why = "this cluster is not configured for dual-stack services";
    faults.push(invalid(path.child("ipFamilyPolicy"), policy, why));
  }
  for (const [at, it] of families.entries()) {
    if (it === family) continue;
    const why = "not configured on this cluster";
    faults.push(invalid(path.child("ipFamilies").index(at), it, why));
  }
  return faults;
}

/** ExternalName services have no address of their own. */
export function needsAddress(spec: JsonObject): boolean {
  return spec["type"] !== "ExternalName";
}

export function isHeadless(spec: JsonObject): boolean {
  return spec["clusterIP"] === "None" || childList(spec, "clusterIPs")[0] === "None";
}

/** Whether the ports of the service are open on nodes. */
export function needsNodePorts(spec: JsonObject | undefined): boolean {
  return spec?.["type"] === "NodePort" || spec?.["type"] === "LoadBalancer";
}

/** Whether a load balancer asks each node if it has a pod of the service. */
export function needsHealthCheck(spec: JsonObject | undefined): boolean {
  return spec?.["type"] === "LoadBalancer" && spec["externalTrafficPolicy"] === "Local";
}

/** Whether ports that name no number get one. */
export function choosesNodePorts(spec: JsonObject): boolean {
  if (spec["type"] === "NodePort") return true;
  return spec["type"] === "LoadBalancer" && spec["allocateLoadBalancerNodePorts"] !== false;
}

export function portsOf(spec: JsonObject | undefined): JsonObject[] {
  return childList(spec, "ports").filter(isJsonObject);
}

/** Zero means: none chosen. */
export function hasNodePort(port: JsonObject): boolean {
  return typeof port["nodePort"] === "number" && port["nodePort"] !== 0;
}

/** Every number that a service holds on the nodes. */
export function nodePortsOf(spec: JsonObject | undefined): number[] {
  const numbers = [...portsOf(spec).map((it) => it["nodePort"]), spec?.["healthCheckNodePort"]];
  return numbers.filter((it) => typeof it === "number" && it !== 0) as number[];
}

/** Every cluster address that a service holds. */
export function addressesOf(spec: JsonObject | undefined): string[] {
  const listed = childList(spec, "clusterIPs");
  const all = listed.length === 0 ? [spec?.["clusterIP"]] : listed;
  return all.filter((it) => typeof it === "string" && it !== "" && it !== "None") as string[];
}

function protocolOf(port: JsonObject): string {
  return childString(port, "protocol") ?? "TCP";
}

function same(left: Json | undefined, right: Json | undefined): boolean {
  return JSON.stringify(left) === JSON.stringify(right);
}
