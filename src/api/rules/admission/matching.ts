import type { MatchCondition, MatchResources, NamedRuleWithOperations } from "#api/gen/types.ts";
import { pathSegmentFaults, qualifiedNameFaults } from "#api/names.ts";
import type { Faults } from "#api/rules/faults.ts";
import { checkSelector } from "#api/rules/labels/validation.ts";
import type { Loose } from "#api/rules/rules.ts";

/** Which requests a webhook or a policy is about. Upstream: its `validateMatchResources`. */

export const failurePolicies = ["Fail", "Ignore"];
export const matchPolicies = ["Equivalent", "Exact"];

const operations = ["*", "CONNECT", "CREATE", "DELETE", "UPDATE"];
const changingOperations = ["*", "CONNECT", "CREATE", "UPDATE"];
const maxConditions = 64;

export function checkMatchResources(
  name: string,
  match: Loose<MatchResources> | undefined,
  at: Faults,
): void {
  if (match === undefined) return;
  at.enter(name);
  at.oneOf("matchPolicy", match.matchPolicy, matchPolicies);
  for (const field of ["namespaceSelector", "objectSelector"] as const) {
    if (match[field] === undefined) at.required(field);
    else checkSelector(field, match[field], at);
  }
  for (const field of ["resourceRules", "excludeResourceRules"] as const) {
    for (const [i, rule] of (match[field] ?? []).entries()) {
      at.enter(field, i);
      checkResourceNames(rule.resourceNames ?? [], at);
      checkOperationRule(rule, at);
      at.leave();
    }
  }
  at.leave();
}

/** What a mutating policy may not be about: deletes. */
export function checkChangingOperations(
  name: string,
  match: Loose<MatchResources> | undefined,
  at: Faults,
): void {
  const used = (match?.resourceRules ?? []).flatMap((rule) => rule.operations ?? []);
  for (const it of used) {
    if (!changingOperations.includes(it)) {
      at.notSupported(`${name}.resourceRules.operations`, it, changingOperations);
    }
  }
}

function checkResourceNames(names: readonly string[], at: Faults): void {
  for (const [i, it] of names.entries()) {
    at.invalidAll(`resourceNames[${i}]`, it, pathSegmentFaults(it));
    if (names.indexOf(it) < i) at.duplicate(`resourceNames[${i}]`, it);
  }
}

export function checkOperationRule(rule: Loose<NamedRuleWithOperations>, at: Faults): void {
  const { operations: wanted = [], apiGroups = [], apiVersions = [], scope } = rule;
  if (wanted.length === 0) at.required("operations");
  checkAlone("operations", wanted, "operations", at);
  for (const [i, it] of wanted.entries()) {
    at.optionalOneOf(`operations[${i}]`, it, operations);
  }
  if (apiGroups.length === 0) at.required("apiGroups");
  checkAlone("apiGroups", apiGroups, "API groups", at);
  if (apiVersions.length === 0) at.required("apiVersions");
  checkAlone("apiVersions", apiVersions, "API versions", at);
  checkFilled("apiVersions", apiVersions, at);
  checkResources(rule.resources ?? [], at);
  at.optionalOneOf("scope", scope, ["*", "Cluster", "Namespaced"]);
}

function checkAlone(name: string, list: readonly string[], what: string, at: Faults): void {
  if (list.length > 1 && list.includes("*")) {
    at.invalid(name, list, `if '*' is present, must not specify other ${what}`);
  }
}

function checkFilled(name: string, list: readonly string[], at: Faults): void {
  for (const [i, it] of list.entries()) if (it === "") at.required(`${name}[${i}]`);
}

function checkResources(resources: readonly string[], at: Faults): void {
  if (resources.length === 0) at.required("resources");
  checkFilled("resources", resources, at);
  for (const [i, it] of resources.entries()) {
    const [resource = "", sub] = it.split("/");
    const before = resources.slice(0, i);
    if (sub === undefined) continue;
    if (before.includes(`${resource}/*`)) {
      const detail = `if '${resource}/*' is present, must not specify ${it}`;
      at.invalid(`resources[${i}]`, it, detail);
    }
    if (before.includes(`*/${sub}`)) {
      at.invalid(`resources[${i}]`, it, `if '*/${sub}' is present, must not specify ${it}`);
    }
  }
  if (resources.length > 1 && resources.includes("*/*")) {
    at.invalid("resources", resources, "if '*/*' is present, must not specify other resources");
  }
  if (resources.includes("*") && resources.some((it) => it !== "*" && !it.includes("/"))) {
    const detail = "if '*' is present, must not specify other resources without subresources";
    at.invalid("resources", resources, detail);
  }
}

/** The expressions themselves are compiled by the admission plugin, not here. */
export function checkMatchConditions(
  conditions: readonly Loose<MatchCondition>[],
  at: Faults,
): void {
  if (conditions.length > maxConditions) {
    at.tooMany("matchConditions", conditions.length, maxConditions);
  }
  const seen = new Set<string>();
  for (const [i, it] of conditions.entries()) {
    const name = it.name ?? "";
    at.enter("matchConditions", i);
    if ((it.expression ?? "").trim() === "") at.required("expression");
    if (name === "") at.required("name");
    else at.invalidAll("name", name, qualifiedNameFaults(name));
    if (name !== "" && seen.has(name)) at.duplicate("name", name);
    seen.add(name);
    at.leave();
  }
}
