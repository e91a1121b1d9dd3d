import { childList, childObject, childString, type JsonObject } from "#api/object.ts";
import { FieldPath, invalid, type FieldError } from "#api/field.ts";
import { invalidObject, StatusError } from "#api/status.ts";
import type { AdmissionRequest, AdmissionRule } from "#apiserver/contract.ts";
import { isAbout, nameOf, specOf } from "#apiserver/admission/request.ts";
import type { Claimant, ServicePool } from "./pool.ts";
import {
  carryOver,
  choosesNodePorts,
  hasNodePort,
  isHeadless,
  needsAddress,
  needsHealthCheck,
  needsNodePorts,
  nodePortsOf,
  portsOf,
  setFamilies,
} from "./plan.ts";

/** One service on its way through the rule. */
interface Allocation {
  readonly spec: JsonObject;
  /** `spec` of the stored service; undefined on create. */
  readonly before: JsonObject | undefined;
  readonly pool: ServicePool;
  readonly claimant: Claimant;
  readonly faults: FieldError[];
}

/**
 * Gives services their cluster IP and node ports, and keeps what they have. Runs last, so that
 * nothing is reserved for a request that another rule refuses. Upstream: `pkg/registry/core/service/storage/alloc.go`.
 */
export function serviceAddresses(pool: ServicePool): AdmissionRule {
  let unnamed = 0;
  return {
    name: "ServiceAddresses",
    mutate(request) {
      const { object, operation } = request;
      if (!isAbout(request, "", "services") || object === undefined) return;
      if (operation !== "CREATE" && operation !== "UPDATE") return;
      const metadata = childObject(object, "metadata");
      const given = childString(metadata, "name") ?? request.name;
      const claimant = {
        namespace: request.namespace,
        name: given === "" ? `?${++unnamed}` : given,
        reserves: !request.dryRun,
        chosen: new Set<string>(),
      };
      const before = childObject(request.previous, "spec");
      const allocation = { spec: specOf(object), before, pool, claimant, faults: [] };
      allocate(request, allocation, object);
    },
  };
}

function allocate(request: AdmissionRequest, allocation: Allocation, object: JsonObject): void {
  const { spec, before, faults } = allocation;
  if (before !== undefined) {
    carryOver(spec, before);
    if (spec["type"] !== "LoadBalancer" && childObject(object, "status") !== undefined) {
      object["status"] = { ...childObject(object, "status"), loadBalancer: {} };
    }
  } else if (childList(spec, "clusterIPs").length === 0) {
    const single = childString(spec, "clusterIP") ?? "";
    if (single !== "") spec["clusterIPs"] = [single];
  }
  faults.push(...setFamilies(spec, before));
  refuseFaults(request, faults);
  allocateAddress(allocation);
  allocatePorts(allocation);
  allocateHealthCheck(allocation);
  refuseFaults(request, faults);
}

function refuseFaults(request: AdmissionRequest, faults: readonly FieldError[]): void {
  if (faults.length === 0) return;
  throw invalidObject({ group: "", kind: "Service" }, nameOf(request), faults);
}

function allocateAddress({ spec, before, pool, claimant, faults }: Allocation): void {
  if (!needsAddress(spec) || isHeadless(spec)) return;
  // An address never changes while the service has one; validation says so.
  if (before !== undefined && needsAddress(before)) return;
  const wanted = childList(spec, "clusterIPs")[0] ?? spec["clusterIP"];
  if (typeof wanted === "string" && wanted !== "") {
    const fault = pool.takeAddress(wanted, claimant);
    if (fault !== undefined) {
      const path = new FieldPath("spec.clusterIPs");
      faults.push(invalid(path, [wanted], `failed to allocate IP ${wanted}: ${fault}`));
    }
    spec["clusterIP"] = wanted;
    return;
  }
  const chosen = pool.chooseAddress(claimant);
  if (chosen === undefined) throw exhausted("a serviceIP: range is full");
  spec["clusterIP"] = chosen;
  spec["clusterIPs"] = [chosen];
}

function allocatePorts({ spec, before, pool, claimant, faults }: Allocation): void {
  if (!needsNodePorts(spec)) return;
  const held = new Set(nodePortsOf(before));
  const ports = portsOf(spec);
  // One number serves the same port in several protocols.
  const byPort = new Map(ports.filter(hasNodePort).map((it) => [it["port"], it["nodePort"]]));
  for (const [at, port] of ports.entries()) {
    if (hasNodePort(port)) {
      const number = Number(port["nodePort"]);
      const fault = held.has(number) ? undefined : pool.takePort(number, claimant);
      if (fault !== undefined) {
        const path = new FieldPath("spec").child("ports").index(at).child("nodePort");
        faults.push(invalid(path, number, fault));
      }
    } else if (choosesNodePorts(spec)) {
      const shared = before === undefined ? byPort.get(port["port"]) : undefined;
      const number = shared ?? pool.choosePort(claimant);
      if (number === undefined) throw exhausted("a nodePort: range is full");
      port["nodePort"] = number;
      byPort.set(port["port"], number);
    }
  }
}

function allocateHealthCheck({ spec, before, pool, claimant }: Allocation): void {
  if (!needsHealthCheck(spec)) return;
  const given = spec["healthCheckNodePort"];
  if (typeof given === "number" && given !== 0) {
    if (nodePortsOf(before).includes(given)) return;
    const fault = pool.takePort(given, claimant);
    if (fault !== undefined) throw exhausted(`requested HealthCheck NodePort ${given}: ${fault}`);
    return;
  }
  const chosen = pool.choosePort(claimant);
  if (chosen === undefined) throw exhausted("a HealthCheck NodePort: range is full");
  spec["healthCheckNodePort"] = chosen;
}

function exhausted(what: string): StatusError {
  const message = `Internal error occurred: failed to allocate ${what}`;
  const causes = [{ message: `failed to allocate ${what}` }];
  return new StatusError(500, "InternalError", message, { details: { causes } });
}
