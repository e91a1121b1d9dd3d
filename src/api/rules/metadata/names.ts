import {
  dns1123LabelFaults,
  dns1123SubdomainFaults,
  pathSegmentFaults,
  prefixFaultsBy,
} from "#api/names.ts";
import type { Resource } from "#api/resource.ts";
import { canonicalIpFaults } from "#api/rules/addresses.ts";

type NameRule = (value: string) => readonly string[];

/** Kinds whose names are not DNS subdomains. Keys are `Resource.storageKey`s. */
const rules: Readonly<Record<string, NameRule>> = {
  "core/namespaces": dns1123LabelFaults,
  "core/services": dns1123LabelFaults,
  "apps/statefulsets": dns1123LabelFaults,
  "rbac.authorization.k8s.io/roles": pathSegmentFaults,
  "rbac.authorization.k8s.io/rolebindings": pathSegmentFaults,
  "rbac.authorization.k8s.io/clusterroles": pathSegmentFaults,
  "rbac.authorization.k8s.io/clusterrolebindings": pathSegmentFaults,
  "certificates.k8s.io/certificatesigningrequests": anyName,
  "networking.k8s.io/ipaddresses": canonicalIpFaults,
};

/** Faults of a name, by the rule of its kind. */
export function nameFaults(resource: Resource, name: string): readonly string[] {
  return (rules[resource.storageKey] ?? dns1123SubdomainFaults)(name);
}

/** Faults of a `metadata.generateName`, by the rule of its kind. */
export function namePrefixFaults(resource: Resource, prefix: string): readonly string[] {
  return prefixFaultsBy(rules[resource.storageKey] ?? dns1123SubdomainFaults, prefix);
}

function anyName(): readonly string[] {
  return [];
}
