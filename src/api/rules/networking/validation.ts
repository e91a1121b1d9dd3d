import type {
  HTTPIngressPath,
  Ingress,
  IngressBackend,
  IngressClass,
  IngressClassParametersReference,
  IngressTLS,
  IPAddress,
  IPBlock,
  NetworkPolicy,
  NetworkPolicyPeer,
  NetworkPolicyPort,
  ServiceCIDR,
} from "#api/gen/types.ts";
import {
  dns1123LabelFaults,
  dns1123SubdomainFaults,
  pathSegmentFaults,
  portNameFaults,
  portNumberFaults,
  wildcardSubdomainFaults,
} from "#api/names.ts";
import { cidrFaults, isStrictSubnet, parseCidr, parseIp } from "#api/rules/addresses.ts";
import { semanticEqual } from "#api/rules/equality.ts";
import type { Faults } from "#api/rules/faults.ts";
import { checkSelector } from "#api/rules/labels/validation.ts";
import type { Loose } from "#api/rules/rules.ts";
import { checkBalancerAddress } from "#api/rules/service/validation.ts";

/** Upstream: `pkg/apis/networking/validation/validation.go`. */

export function validateIngress(ingress: Loose<Ingress>, at: Faults): void {
  const spec = ingress.spec ?? {};
  const rules = spec.rules ?? [];
  at.enter("spec");
  if (rules.length === 0 && spec.defaultBackend === undefined) {
    at.invalid("", rules, "either `defaultBackend` or `rules` must be specified");
  }
  if (spec.defaultBackend !== undefined) checkBackend("defaultBackend", spec.defaultBackend, at);
  for (const [i, rule] of rules.entries()) {
    at.enter("rules", i);
    checkHost(rule.host ?? "", at);
    if (rule.http !== undefined) checkPaths(rule.http.paths ?? [], at);
    at.leave();
  }
  for (const [i, it] of (spec.tls ?? []).entries()) {
    at.enter("tls", i);
    checkTls(it, at);
    at.leave();
  }
  const name = spec.ingressClassName;
  if (name !== undefined) at.invalidAll("ingressClassName", name, dns1123SubdomainFaults(name));
  at.leave();
}

function checkHost(host: string, at: Faults): void {
  if (host === "") return;
  if (parseIp(host) !== undefined) {
    at.invalid("host", host, "must be a DNS name, not an IP address");
  }
  const isWildcard = host.includes("*");
  at.invalidAll(
    "host",
    host,
    isWildcard ? wildcardSubdomainFaults(host) : dns1123SubdomainFaults(host),
  );
}

function checkTls(tls: Loose<IngressTLS>, at: Faults): void {
  for (const [i, host] of (tls.hosts ?? []).entries()) {
    const isWildcard = host.includes("*");
    at.invalidAll(
      `hosts[${i}]`,
      host,
      isWildcard ? wildcardSubdomainFaults(host) : dns1123SubdomainFaults(host),
    );
  }
  const secret = tls.secretName ?? "";
  if (secret !== "") at.invalidAll("secretName", secret, dns1123SubdomainFaults(secret));
}

const badSequences = ["//", "/./", "/../", "%2f", "%2F"];
const badSuffixes = ["/..", "/."];

function checkPaths(paths: readonly Loose<HTTPIngressPath>[], at: Faults): void {
  at.enter("http");
  if (paths.length === 0) at.required("paths");
  for (const [i, it] of paths.entries()) {
    at.enter("paths", i);
    if (it.pathType === undefined) at.required("pathType", "pathType must be specified");
    else {
      checkPath(it.path ?? "", it.pathType, at);
      checkBackend("backend", it.backend ?? {}, at);
    }
    at.leave();
  }
  at.leave();
}

function checkPath(path: string, type: string, at: Faults): void {
  if (type === "ImplementationSpecific") {
    if (path !== "" && !path.startsWith("/")) {
      at.invalid("path", path, "must be an absolute path");
    }
    return;
  }
  if (type !== "Exact" && type !== "Prefix") {
    at.notSupported("pathType", type, ["Exact", "ImplementationSpecific", "Prefix"]);
    return;
  }
  if (!path.startsWith("/")) at.invalid("path", path, "must be an absolute path");
  for (const it of badSequences) {
    if (path.includes(it)) at.invalid("path", path, `must not contain '${it}'`);
  }
  for (const it of badSuffixes) {
    if (path.endsWith(it)) at.invalid("path", path, `cannot end with '${it}'`);
  }
}

function checkBackend(field: string, backend: Loose<IngressBackend>, at: Faults): void {
  at.enter(field);
  const { resource, service } = backend;
  if (resource !== undefined && service !== undefined) {
    at.invalid("", "", "cannot set both resource and service backends");
  } else if (resource !== undefined) {
    at.enter("resource");
    checkReference(resource, at);
    at.leave();
  } else if (service === undefined) {
    at.invalid("", "", "resource or service backend is required");
  } else {
    const name = service.name ?? "";
    if (name === "") at.required("service.name");
    else at.invalidAll("service.name", name, dns1123LabelFaults(name));
    checkServicePort(service.port?.name ?? "", service.port?.number ?? 0, at);
  }
  at.leave();
}

function checkServicePort(name: string, number: number, at: Faults): void {
  if (name !== "" && number !== 0) {
    at.invalid("", "", "cannot set both port name & port number");
  } else if (name !== "") {
    at.invalidAll("service.port.name", name, portNameFaults(name));
  } else if (number !== 0) {
    at.invalidAll("service.port.number", number, portNumberFaults(number));
  } else {
    at.required("", "port name or number is required");
  }
}

interface Reference {
  readonly apiGroup?: string | undefined;
  readonly kind?: string | undefined;
  readonly name?: string | undefined;
}

function checkReference(reference: Reference, at: Faults): void {
  const group = reference.apiGroup;
  if (group !== undefined) at.invalidAll("apiGroup", group, dns1123SubdomainFaults(group));
  for (const field of ["kind", "name"] as const) {
    const value = reference[field] ?? "";
    if (value === "") at.required(field);
    else at.invalidAll(field, value, pathSegmentFaults(value));
  }
}

export function validateIngressStatus(
  next: Loose<Ingress>,
  _previous: Loose<Ingress>,
  at: Faults,
): void {
  for (const [i, it] of (next.status?.loadBalancer?.ingress ?? []).entries()) {
    at.enter("status.loadBalancer.ingress", i);
    checkBalancerAddress(it, at);
    at.leave();
  }
}

const controllerLengthMax = 250;

export function validateIngressClass(it: Loose<IngressClass>, at: Faults): void {
  const controller = it.spec?.controller ?? "";
  at.enter("spec");
  if (controller.length > controllerLengthMax) at.tooLong("controller", controllerLengthMax);
  const slash = controller.indexOf("/");
  if (controller === "") at.required("controller");
  else if (slash <= 0 || slash === controller.length - 1) {
    const detail = 'must be a domain-prefixed path (such as "acme.io/foo")';
    at.invalid("controller", controller, detail);
  } else {
    const host = controller.slice(0, slash);
    at.invalidAll("controller", host, dns1123SubdomainFaults(host));
  }
  if (it.spec?.parameters !== undefined) checkParameters(it.spec.parameters, at);
  at.leave();
}

function checkParameters(parameters: Loose<IngressClassParametersReference>, at: Faults): void {
  at.enter("parameters");
  checkReference(parameters, at);
  const { scope, namespace } = parameters;
  if (scope === undefined) at.required("scope");
  else at.optionalOneOf("scope", scope, ["Cluster", "Namespace"]);
  if (scope === "Namespace") {
    if (namespace === undefined) {
      at.required("namespace", "`parameters.scope` is set to 'Namespace'");
    } else {
      at.invalidAll("namespace", namespace, dns1123LabelFaults(namespace));
    }
  } else if (scope === "Cluster" && namespace !== undefined) {
    at.forbidden("namespace", "`parameters.scope` is set to 'Cluster'");
  }
  at.leave();
}

export function validateIngressClassUpdate(
  next: Loose<IngressClass>,
  previous: Loose<IngressClass>,
  at: Faults,
): void {
  const [controller, old] = [next.spec?.controller, previous.spec?.controller];
  if (controller !== old) at.invalid("spec.controller", controller, "field is immutable");
}

const policyTypes = ["Ingress", "Egress"];

export function validateNetworkPolicy(policy: Loose<NetworkPolicy>, at: Faults): void {
  const spec = policy.spec ?? {};
  at.enter("spec");
  checkSelector("podSelector", spec.podSelector, at);
  for (const [i, rule] of (spec.ingress ?? []).entries()) {
    at.enter("ingress", i);
    checkPeers("from", rule.from ?? [], rule.ports ?? [], at);
    at.leave();
  }
  for (const [i, rule] of (spec.egress ?? []).entries()) {
    at.enter("egress", i);
    checkPeers("to", rule.to ?? [], rule.ports ?? [], at);
    at.leave();
  }
  const types = spec.policyTypes ?? [];
  if (types.length > policyTypes.length) {
    at.invalid("policyTypes", types, "may not specify more than two policyTypes");
  } else {
    for (const [i, it] of types.entries()) at.optionalOneOf(`policyTypes[${i}]`, it, policyTypes);
  }
  at.leave();
}

function checkPeers(
  list: string,
  peers: readonly Loose<NetworkPolicyPeer>[],
  ports: readonly Loose<NetworkPolicyPort>[],
  at: Faults,
): void {
  for (const [i, it] of ports.entries()) {
    at.enter("ports", i);
    checkPolicyPort(it, at);
    at.leave();
  }
  for (const [i, it] of peers.entries()) {
    at.enter(list, i);
    checkPeer(it, at);
    at.leave();
  }
}

function checkPolicyPort(it: Loose<NetworkPolicyPort>, at: Faults): void {
  const { port, endPort } = it;
  at.optionalOneOf("protocol", it.protocol, ["TCP", "UDP", "SCTP"]);
  if (typeof port === "number") {
    at.invalidAll("port", port, portNumberFaults(port));
    if (endPort === undefined) return;
    if (endPort < port) at.invalid("endPort", port, "must be greater than or equal to `port`");
    at.invalidAll("endPort", endPort, portNumberFaults(endPort));
    return;
  }
  if (port !== undefined) at.invalidAll("port", port, portNameFaults(port));
  if (endPort === undefined) return;
  const what = port === undefined ? "not specified" : "non-numeric";
  at.invalid("endPort", endPort, `may not be specified when \`port\` is ${what}`);
}

function checkPeer(peer: Loose<NetworkPolicyPeer>, at: Faults): void {
  const selectors = [peer.podSelector, peer.namespaceSelector].filter((it) => it !== undefined);
  checkSelector("podSelector", peer.podSelector, at);
  checkSelector("namespaceSelector", peer.namespaceSelector, at);
  if (peer.ipBlock !== undefined) {
    at.enter("ipBlock");
    checkBlock(peer.ipBlock, at);
    at.leave();
    if (selectors.length > 0) at.forbidden("", "may not specify both ipBlock and another peer");
  } else if (selectors.length === 0) {
    at.required("", "must specify a peer");
  }
}

function checkBlock(block: Loose<IPBlock>, at: Faults): void {
  const cidr = block.cidr ?? "";
  if (cidr === "") {
    at.required("cidr");
    return;
  }
  at.invalidAll("cidr", cidr, cidrFaults(cidr));
  if (parseCidr(cidr) === undefined) return;
  for (const [i, it] of (block.except ?? []).entries()) {
    const faults = cidrFaults(it);
    at.invalidAll(`except[${i}]`, it, faults);
    if (faults.length === 0 && !isStrictSubnet(it, cidr)) {
      at.invalid(`except[${i}]`, it, "must be a strict subset of `cidr`");
    }
  }
}

export function validateIpAddress(it: Loose<IPAddress>, at: Faults): void {
  const parent = it.spec?.parentRef;
  if (parent === undefined) {
    at.required("spec.parentRef");
    return;
  }
  at.enter("spec.parentRef");
  const group = parent.group ?? "";
  if (group !== "") at.invalidAll("group", group, dns1123SubdomainFaults(group));
  for (const field of ["resource", "name"] as const) {
    const value = parent[field] ?? "";
    if (value === "") at.required(field);
    else at.invalidAll(field, value, pathSegmentFaults(value));
  }
  at.leave();
}

export function validateServiceCidr(it: Loose<ServiceCIDR>, at: Faults): void {
  const cidrs = it.spec?.cidrs ?? [];
  at.enter("spec");
  if (cidrs.length === 0) at.required("cidrs", "at least one CIDR required");
  if (cidrs.length > 2) at.tooMany("cidrs", cidrs.length, 2);
  for (const [i, cidr] of cidrs.entries()) at.invalidAll(`cidrs[${i}]`, cidr, cidrFaults(cidr));
  const families = cidrs.map((cidr) => parseCidr(cidr)?.ip.family);
  if (cidrs.length === 2 && families[0] === families[1]) {
    at.invalid("cidrs", cidrs, "may specify no more than one IP for each IP family");
  }
  at.leave();
}

interface WithSpec {
  readonly spec?: unknown;
}

/** Of kinds whose spec never changes. */
export function validateSameSpec(next: WithSpec, previous: WithSpec, at: Faults): void {
  if (semanticEqual(next.spec, previous.spec)) return;
  at.invalid("spec", next.spec ?? null, "field is immutable");
}
