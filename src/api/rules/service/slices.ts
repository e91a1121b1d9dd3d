import type { Endpoint, EndpointSlice } from "#api/gen/types.ts";
import {
  dns1123LabelFaults,
  dns1123SubdomainFaults,
  labelValueFaults,
  qualifiedNameFaults,
} from "#api/names.ts";
import { endpointIpFaults, ipFaults, parseIp } from "#api/rules/addresses.ts";
import type { Faults } from "#api/rules/faults.ts";
import { checkLabels } from "#api/rules/labels/validation.ts";
import { protocols } from "#api/rules/pod/containers.ts";
import type { Loose } from "#api/rules/rules.ts";

const addressTypes = ["FQDN", "IPv4", "IPv6"];
const endpointsMax = 1000;
const addressesMax = 100;
const portsMax = 20_000;
const hintsMax = 8;

/** Upstream: `pkg/apis/discovery/validation/validation.go`. */
export function validateEndpointSlice(slice: Loose<EndpointSlice>, at: Faults): void {
  at.oneOf("addressType", slice.addressType, addressTypes);
  checkPorts(slice, at);
  const endpoints = slice.endpoints ?? [];
  if (endpoints.length > endpointsMax) {
    at.tooMany("endpoints", endpoints.length, endpointsMax);
    return;
  }
  for (const [i, it] of endpoints.entries()) {
    at.enter("endpoints", i);
    checkEndpoint(it, slice.addressType ?? "", at);
    at.leave();
  }
}

export function validateEndpointSliceUpdate(
  next: Loose<EndpointSlice>,
  previous: Loose<EndpointSlice>,
  at: Faults,
): void {
  if (next.addressType === previous.addressType) return;
  at.invalid("addressType", next.addressType, "field is immutable");
}

function checkPorts(slice: Loose<EndpointSlice>, at: Faults): void {
  const ports = slice.ports ?? [];
  if (ports.length > portsMax) at.tooMany("ports", ports.length, portsMax);
  const names = new Set<string>();
  for (const [i, it] of ports.entries()) {
    at.enter("ports", i);
    const name = it.name ?? "";
    if (name !== "") at.invalidAll("name", name, dns1123LabelFaults(name));
    if (names.has(name)) at.duplicate("name", name);
    names.add(name);
    at.oneOf("protocol", it.protocol, protocols);
    const app = it.appProtocol;
    if (app !== undefined) at.invalidAll("appProtocol", app, qualifiedNameFaults(app));
    at.leave();
  }
}

function checkEndpoint(endpoint: Loose<Endpoint>, type: string, at: Faults): void {
  const addresses = endpoint.addresses ?? [];
  if (addresses.length === 0) at.required("addresses", "must contain at least 1 address");
  if (addresses.length > addressesMax) at.tooMany("addresses", addresses.length, addressesMax);
  for (const [i, it] of addresses.entries()) checkAddress(it, i, type, at);
  const { nodeName: node, hostname } = endpoint;
  if (node !== undefined) at.invalidAll("nodeName", node, dns1123SubdomainFaults(node));
  if (hostname !== undefined) at.invalidAll("hostname", hostname, dns1123LabelFaults(hostname));
  checkLabels("deprecatedTopology", endpoint.deprecatedTopology, at);
  if (endpoint.hints !== undefined) {
    at.enter("hints");
    checkHints("forZones", endpoint.hints.forZones ?? [], labelValueFaults, at);
    checkHints("forNodes", endpoint.hints.forNodes ?? [], dns1123SubdomainFaults, at);
    at.leave();
  }
}

function checkAddress(address: string, i: number, type: string, at: Faults): void {
  const field = `addresses[${i}]`;
  if (type === "FQDN") {
    const name = address.replace(/\.$/, "");
    const faults = dns1123SubdomainFaults(name);
    at.invalidAll(field, address, faults);
    if (faults.length === 0 && !name.includes(".")) {
      const detail = "should be a domain with at least two segments separated by dots";
      at.invalid(field, address, detail);
    }
  } else if (type === "IPv4" || type === "IPv6") {
    const faults = ipFaults(address);
    at.invalidAll(field, address, faults);
    if (faults.length > 0) return;
    if (parseIp(address)?.family !== type) {
      at.invalid("addresses", address, `must be an ${type} address`);
    }
    at.invalidAll(field, address, endpointIpFaults(address));
  }
}

interface Hint {
  readonly name?: string | undefined;
}

function checkHints(
  list: string,
  hints: readonly Hint[],
  faultsOf: (name: string) => readonly string[],
  at: Faults,
): void {
  if (hints.length > hintsMax) {
    at.tooMany(list, hints.length, hintsMax);
    return;
  }
  const names = new Set<string>();
  for (const [i, it] of hints.entries()) {
    const name = it.name ?? "";
    if (names.has(name)) at.duplicate(`${list}[${i}].name`, name);
    names.add(name);
    at.invalidAll(`${list}[${i}].name`, name, faultsOf(name));
  }
}
