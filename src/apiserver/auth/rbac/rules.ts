import { childList, isJsonObject, type Json, type JsonObject } from "#api/object.ts";
import type { Attributes } from "#apiserver/contract.ts";

/** One `rbac.authorization.k8s.io/v1 PolicyRule`; absent lists are empty. */
export interface PolicyRule {
  readonly verbs: readonly string[];
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  /** Empty: all names. */
  readonly resourceNames: readonly string[];
  readonly nonResourceURLs: readonly string[];
}

/** The rules of a Role or ClusterRole. */
export function rulesOf(role: JsonObject): PolicyRule[] {
  return childList(role, "rules").filter(isJsonObject).map(ruleOf);
}

export function ruleOf(rule: JsonObject): PolicyRule {
  return {
    verbs: strings(rule["verbs"]),
    apiGroups: strings(rule["apiGroups"]),
    resources: strings(rule["resources"]),
    resourceNames: strings(rule["resourceNames"]),
    nonResourceURLs: strings(rule["nonResourceURLs"]),
  };
}

/** A rule as the API writes it: empty lists are left out. */
export function ruleObject(rule: PolicyRule): JsonObject {
  return {
    ...(rule.apiGroups.length === 0 ? {} : { apiGroups: [...rule.apiGroups] }),
    ...(rule.nonResourceURLs.length === 0 ? {} : { nonResourceURLs: [...rule.nonResourceURLs] }),
    ...(rule.resourceNames.length === 0 ? {} : { resourceNames: [...rule.resourceNames] }),
    ...(rule.resources.length === 0 ? {} : { resources: [...rule.resources] }),
    verbs: [...rule.verbs],
  };
}

/**
 * Whether a rule speaks about the request, leaving its `resourceNames` aside. Upstream:
 * `pkg/apis/rbac/v1/evaluation_helpers.go`.
 */
export function ruleMatches(rule: PolicyRule, attributes: Attributes): boolean {
  if (!has(rule.verbs, attributes.verb)) return false;
  if (attributes.resource === "") {
    return rule.nonResourceURLs.some((it) => pathMatches(it, attributes.path));
  }
  return (
    has(rule.apiGroups, attributes.group) &&
    resourceMatches(rule.resources, attributes.resource, attributes.subresource)
  );
}

/** Whether any rule allows the request, names included. */
export function rulesAllow(rules: readonly PolicyRule[], attributes: Attributes): boolean {
  return rules.some((it) => {
    const named = it.resourceNames.length === 0 || it.resourceNames.includes(attributes.name);
    return named && ruleMatches(it, attributes);
  });
}

/** A path pattern: `*`, a path, or a prefix that ends in `*`. */
export function pathMatches(pattern: string, path: string): boolean {
  if (pattern === "*" || pattern === path) return true;
  return pattern.endsWith("*") && path.startsWith(pattern.replace(/\*+$/, ""));
}

function resourceMatches(
  patterns: readonly string[],
  resource: string,
  subresource: string,
): boolean {
  const whole = subresource === "" ? resource : `${resource}/${subresource}`;
  if (has(patterns, whole)) return true;
  return subresource !== "" && patterns.includes(`*/${subresource}`);
}

function has(patterns: readonly string[], value: string): boolean {
  return patterns.includes("*") || patterns.includes(value);
}

function strings(value: Json | undefined): string[] {
  return Array.isArray(value) ? value.filter((it) => typeof it === "string") : [];
}
