import { qualifiedNameFaults } from "#api/names.ts";
import { findQuantity } from "#api/quantity.ts";
import type { Faults } from "#api/rules/faults.ts";

/** Names of resources. Upstream: `pkg/apis/core/helper/helpers.go`. */

const hugePagesPrefix = "hugepages-";

export function isHugePages(name: string): boolean {
  return name.startsWith(hugePagesPrefix);
}

/** Without a domain, or in `kubernetes.io/`. */
export function isNativeResource(name: string): boolean {
  return !name.includes("/") || name.includes("kubernetes.io/");
}

export function isOvercommitAllowed(name: string): boolean {
  return isNativeResource(name) && !isHugePages(name);
}

export function isExtendedResource(name: string): boolean {
  if (isNativeResource(name) || name.startsWith("requests.")) return false;
  return qualifiedNameFaults(`requests.${name}`).length === 0;
}

/** What `spec.resources` of a pod may name. */
export function isPodLevelResource(name: string): boolean {
  return name === "cpu" || name === "memory" || isHugePages(name);
}

const containerResources = new Set(["cpu", "memory", "ephemeral-storage"]);

const objectCounts = [
  "pods",
  "resourcequotas",
  "services",
  "replicationcontrollers",
  "secrets",
  "configmaps",
  "persistentvolumeclaims",
  "services.nodeports",
  "services.loadbalancers",
];

const quotaResources = new Set([
  "cpu",
  "memory",
  "ephemeral-storage",
  "requests.cpu",
  "requests.memory",
  "requests.storage",
  "requests.ephemeral-storage",
  "limits.cpu",
  "limits.memory",
  "limits.ephemeral-storage",
  ...objectCounts,
]);

const integerResources = new Set(objectCounts);

export function isQuotaResource(name: string): boolean {
  return quotaResources.has(name) || isQuotaHugePages(name);
}

function isQuotaHugePages(name: string): boolean {
  return isHugePages(name) || name.startsWith("requests.hugepages-");
}

/** Checks the name of a resource anywhere; `field` is where the name is written. */
export function checkResourceName(field: string, name: string, at: Faults): boolean {
  const faults = qualifiedNameFaults(name);
  at.invalidAll(field, name, faults);
  if (faults.length > 0) return false;
  if (name.includes("/") || name === "storage" || isQuotaResource(name)) return true;
  at.invalid(field, name, "must be a standard resource type or fully qualified");
  return false;
}

/** Checks the name of a resource that a container may ask for. */
export function checkContainerResourceName(field: string, name: string, at: Faults): void {
  if (containerResources.has(name)) return;
  checkResourceName(field, name, at);
  if (!name.includes("/")) {
    if (!isHugePages(name)) at.invalid(field, name, "must be a standard resource for containers");
  } else if (!isNativeResource(name) && !isExtendedResource(name)) {
    at.invalid(field, name, "doesn't follow extended resource name standard");
  }
}

/** Checks an amount: not negative, and whole where the resource is counted. */
export function checkAmount(field: string, name: string, text: string, at: Faults): void {
  const amount = findQuantity(text);
  if (amount === undefined) return;
  if (amount.sign() < 0) at.invalid(field, text, "must be greater than or equal to 0");
  const isCounted = integerResources.has(name) || isExtendedResource(name);
  if (isCounted && amount.milliValue() % 1000 !== 0) at.invalid(field, text, "must be an integer");
}
