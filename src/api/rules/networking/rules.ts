import type {
  Ingress,
  IngressClass,
  IngressRule,
  IPAddress,
  NetworkPolicy,
  ServiceCIDR,
} from "#api/gen/types.ts";
import {
  ageColumn,
  ageOf,
  column,
  formatSelector,
  nameColumn,
  nameOf,
} from "#api/rules/columns.ts";
import type { Draft, Loose, Rules } from "#api/rules/rules.ts";
import { balancerAddresses } from "#api/rules/service/columns.ts";
import {
  validateIngress,
  validateIngressClass,
  validateIngressClassUpdate,
  validateIngressStatus,
  validateIpAddress,
  validateNetworkPolicy,
  validateSameSpec,
  validateServiceCidr,
} from "./validation.ts";

export const ingressRules: Rules<Ingress> = {
  generation: true,
  create: (ingress) => {
    ingress.status = { loadBalancer: {} };
  },
  validate: validateIngress,
  validateStatus: validateIngressStatus,
  printer: {
    columns: [
      nameColumn,
      column("Class", "Which controller serves it."),
      column("Hosts", "Names that requests must be for."),
      column("Address", "Where it is reached."),
      column("Ports", "Ports that it opens."),
      ageColumn,
    ],
    cells: (it, nowMs) => [
      nameOf(it),
      it.spec?.ingressClassName ?? "<none>",
      formatHosts(it.spec?.rules ?? []),
      balancerAddresses(it.status?.loadBalancer?.ingress).join(","),
      (it.spec?.tls ?? []).length > 0 ? "80, 443" : "80",
      ageOf(it, nowMs),
    ],
  },
};

const hostsMax = 3;

// Upstream counts rules, not hosts, when it says how many more there are.
function formatHosts(rules: readonly Loose<IngressRule>[]): string {
  const hosts: string[] = [];
  let hasMore = false;
  for (const rule of rules) {
    hasMore ||= hosts.length === hostsMax;
    if (!hasMore && (rule.host ?? "") !== "") hosts.push(rule.host ?? "");
  }
  if (hosts.length === 0) return "*";
  const text = hosts.join(",");
  return hasMore ? `${text} + ${rules.length - hostsMax} more...` : text;
}

export const ingressClassRules: Rules<IngressClass> = {
  generation: true,
  default: (it) => {
    if (it.spec?.parameters !== undefined) it.spec.parameters.scope ??= "Cluster";
  },
  validate: validateIngressClass,
  validateUpdate: validateIngressClassUpdate,
  printer: {
    columns: [
      nameColumn,
      column("Controller", "Controller that is responsible for handling this class"),
      column("Parameters", "A reference to a resource with additional parameters"),
      ageColumn,
    ],
    cells: (it, nowMs) => [
      nameOf(it) + (isDefaultClass(it) ? " (default)" : ""),
      it.spec?.controller ?? "",
      formatParameters(it),
      ageOf(it, nowMs),
    ],
  },
};

function isDefaultClass(it: Loose<IngressClass>): boolean {
  return it.metadata?.annotations?.["ingressclass.kubernetes.io/is-default-class"] === "true";
}

function formatParameters(it: Loose<IngressClass>): string {
  const parameters = it.spec?.parameters;
  if (parameters === undefined) return "<none>";
  const group = parameters.apiGroup === undefined ? "" : `.${parameters.apiGroup}`;
  return `${parameters.kind ?? ""}${group}/${parameters.name ?? ""}`;
}

export const networkPolicyRules: Rules<NetworkPolicy> = {
  generation: true,
  default: defaultNetworkPolicy,
  validate: validateNetworkPolicy,
  printer: {
    columns: [nameColumn, column("Pod-Selector", "Which pods it is about."), ageColumn],
    cells: (it, nowMs) => [nameOf(it), formatSelector(it.spec?.podSelector), ageOf(it, nowMs)],
  },
};

function defaultNetworkPolicy(policy: Draft<NetworkPolicy>): void {
  const spec = (policy.spec ??= {});
  spec.podSelector ??= {};
  for (const rule of [...(spec.ingress ?? []), ...(spec.egress ?? [])]) {
    for (const it of rule.ports ?? []) it.protocol ??= "TCP";
  }
  if ((spec.policyTypes ?? []).length > 0) return;
  spec.policyTypes = (spec.egress ?? []).length > 0 ? ["Ingress", "Egress"] : ["Ingress"];
}

export const ipAddressRules: Rules<IPAddress> = {
  validate: validateIpAddress,
  validateUpdate: validateSameSpec,
  printer: {
    columns: [nameColumn, column("ParentRef", "What the address belongs to."), ageColumn],
    cells: (it, nowMs) => [nameOf(it), formatParent(it), ageOf(it, nowMs)],
  },
};

function formatParent(it: Loose<IPAddress>): string {
  const parent = it.spec?.parentRef;
  if (parent === undefined) return "<none>";
  const group = (parent.group ?? "") === "" ? "" : `.${parent.group ?? ""}`;
  const namespace = (parent.namespace ?? "") === "" ? "" : `/${parent.namespace ?? ""}`;
  return `${parent.resource ?? ""}${group}`.toLowerCase() + `${namespace}/${parent.name ?? ""}`;
}

export const serviceCidrRules: Rules<ServiceCIDR> = {
  statusKeepsMetadata: true,
  validate: validateServiceCidr,
  printer: {
    columns: [nameColumn, column("CIDRs", "Ranges of addresses for services."), ageColumn],
    cells: (it, nowMs) => [nameOf(it), (it.spec?.cidrs ?? []).join(","), ageOf(it, nowMs)],
  },
};
