import { pathMatches, type PolicyRule } from "./rules.ts";

/**
 * The rights in `wanted` that `owned` does not include, in small rules of one group, resource and
 * verb each. Upstream: component-helpers `auth/rbac/validation/policy_comparator.go`.
 */
export function missingRights(
  owned: readonly PolicyRule[],
  wanted: readonly PolicyRule[],
): PolicyRule[] {
  return wanted.flatMap(breakDown).filter((small) => !owned.some((it) => covers(it, small)));
}

/** Missing rights as the 403 lists them: verbs of one resource together, one line each, sorted. */
export function describeRights(rules: readonly PolicyRule[]): string[] {
  const merged = new Map<string, PolicyRule>();
  for (const rule of rules) {
    const key = JSON.stringify([
      rule.apiGroups,
      rule.resources,
      rule.resourceNames,
      // Paths are not merged by verb.
      rule.nonResourceURLs,
      rule.nonResourceURLs.length === 0 ? [] : rule.verbs,
    ]);
    const found = merged.get(key);
    const verbs = found === undefined ? rule.verbs : [...found.verbs, ...rule.verbs];
    merged.set(key, { ...rule, verbs });
  }
  return [...new Set([...merged.values()].map(describe))].sort();
}

function breakDown(rule: PolicyRule): PolicyRule[] {
  const empty = { apiGroups: [], resources: [], resourceNames: [], nonResourceURLs: [] };
  const names = rule.resourceNames.length === 0 ? [[]] : rule.resourceNames.map((it) => [it]);
  const small: PolicyRule[] = [];
  for (const verb of rule.verbs) {
    for (const group of rule.apiGroups) {
      for (const resource of rule.resources) {
        for (const resourceNames of names) {
          const at = { apiGroups: [group], resources: [resource], resourceNames };
          small.push({ ...empty, ...at, verbs: [verb] });
        }
      }
    }
    for (const url of rule.nonResourceURLs) {
      small.push({ ...empty, nonResourceURLs: [url], verbs: [verb] });
    }
  }
  return small;
}

function covers(owner: PolicyRule, small: PolicyRule): boolean {
  return (
    all(owner.verbs, small.verbs) &&
    all(owner.apiGroups, small.apiGroups) &&
    small.resources.every((it) => coversResource(owner.resources, it)) &&
    small.nonResourceURLs.every((url) =>
      owner.nonResourceURLs.some((pattern) => pathMatches(pattern, url)),
    ) &&
    coversNames(owner.resourceNames, small.resourceNames)
  );
}

function coversResource(patterns: readonly string[], resource: string): boolean {
  if (patterns.includes("*") || patterns.includes(resource)) return true;
  const slash = resource.indexOf("/");
  return slash >= 0 && patterns.includes(`*${resource.slice(slash)}`);
}

function coversNames(owned: readonly string[], wanted: readonly string[]): boolean {
  if (owned.length === 0) return true;
  return wanted.length > 0 && wanted.every((it) => owned.includes(it));
}

function all(owned: readonly string[], wanted: readonly string[]): boolean {
  return owned.includes("*") || wanted.every((it) => owned.includes(it));
}

function describe(rule: PolicyRule): string {
  const parts = [
    ["APIGroups", rule.apiGroups],
    ["Resources", rule.resources],
    ["NonResourceURLs", rule.nonResourceURLs],
    ["ResourceNames", rule.resourceNames],
    ["Verbs", rule.verbs],
  ] as const;
  const present = parts.filter(([, values]) => values.length > 0);
  return `{${present.map(([name, values]) => `${name}:${quoteList(values)}`).join(", ")}}`;
}

/** A list of strings as Go's `%q` prints it: `["a" "b"]`. */
export function quoteList(values: readonly string[]): string {
  return `[${values.map((it) => JSON.stringify(it)).join(" ")}]`;
}
