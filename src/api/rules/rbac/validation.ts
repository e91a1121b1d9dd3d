import type {
  ClusterRole,
  ClusterRoleBinding,
  PolicyRule,
  RbacV1Subject,
  Role,
  RoleBinding,
} from "#api/gen/types.ts";
import { dns1123SubdomainFaults, pathSegmentFaults } from "#api/names.ts";
import { semanticEqual } from "#api/rules/equality.ts";
import type { Faults } from "#api/rules/faults.ts";
import { checkSelector } from "#api/rules/labels/validation.ts";
import type { Loose } from "#api/rules/rules.ts";

/** Upstream: `pkg/apis/rbac/validation/validation.go`. */

const group = "rbac.authorization.k8s.io";

export function validateRole(role: Loose<Role>, at: Faults): void {
  checkRules(role.rules ?? [], true, at);
}

export function validateClusterRole(role: Loose<ClusterRole>, at: Faults): void {
  checkRules(role.rules ?? [], false, at);
  if (role.aggregationRule === undefined) return;
  const selectors = role.aggregationRule.clusterRoleSelectors ?? [];
  if (selectors.length === 0) {
    const detail = "at least one clusterRoleSelector required if aggregationRule is non-nil";
    at.required("aggregationRule.clusterRoleSelectors", detail);
  }
  for (const [i, it] of selectors.entries()) {
    checkSelector(`aggregationRule.clusterRoleSelectors[${i}]`, it, at);
  }
}

function checkRules(rules: readonly Loose<PolicyRule>[], namespaced: boolean, at: Faults): void {
  for (const [i, it] of rules.entries()) {
    at.enter("rules", i);
    checkRule(it, namespaced, at);
    at.leave();
  }
}

function checkRule(rule: Loose<PolicyRule>, namespaced: boolean, at: Faults): void {
  const { verbs = [], nonResourceURLs: urls = [], apiGroups = [], resources = [] } = rule;
  if (verbs.length === 0) at.required("verbs", "verbs must contain at least one value");
  if (urls.length > 0) {
    if (namespaced) {
      const detail = "namespaced rules cannot apply to non-resource URLs";
      at.invalid("nonResourceURLs", urls, detail);
    }
    if (apiGroups.length + resources.length + (rule.resourceNames ?? []).length > 0) {
      const detail = "rules cannot apply to both regular resources and non-resource URLs";
      at.invalid("nonResourceURLs", urls, detail);
    }
    return;
  }
  if (apiGroups.length === 0) {
    at.required("apiGroups", "resource rules must supply at least one api group");
  }
  if (resources.length === 0) {
    at.required("resources", "resource rules must supply at least one resource");
  }
}

export function validateRoleBinding(binding: Loose<RoleBinding>, at: Faults): void {
  checkBinding(binding, ["Role", "ClusterRole"], true, at);
}

export function validateClusterRoleBinding(binding: Loose<ClusterRoleBinding>, at: Faults): void {
  checkBinding(binding, ["ClusterRole"], false, at);
}

function checkBinding(
  binding: Loose<RoleBinding>,
  kinds: readonly string[],
  namespaced: boolean,
  at: Faults,
): void {
  const role = binding.roleRef ?? {};
  at.enter("roleRef");
  at.optionalOneOf("apiGroup", role.apiGroup ?? "", [group]);
  at.optionalOneOf("kind", role.kind ?? "", kinds);
  const name = role.name ?? "";
  if (name === "") at.required("name");
  else at.invalidAll("name", name, pathSegmentFaults(name));
  at.leave();
  for (const [i, it] of (binding.subjects ?? []).entries()) {
    at.enter("subjects", i);
    checkSubject(it, namespaced, at);
    at.leave();
  }
}

function checkSubject(subject: Loose<RbacV1Subject>, namespaced: boolean, at: Faults): void {
  const name = subject.name ?? "";
  if (name === "") at.required("name");
  if (subject.kind === "ServiceAccount") {
    if (name !== "") at.invalidAll("name", name, dns1123SubdomainFaults(name));
    if ((subject.apiGroup ?? "") !== "") at.notSupported("apiGroup", subject.apiGroup, [""]);
    if (!namespaced && (subject.namespace ?? "") === "") at.required("namespace");
  } else if (subject.kind === "User" || subject.kind === "Group") {
    at.optionalOneOf("apiGroup", subject.apiGroup ?? "", [group]);
  } else {
    at.notSupported("kind", subject.kind, ["ServiceAccount", "User", "Group"]);
  }
}

/** Of both kinds of binding. */
export function validateBindingUpdate(
  next: Loose<RoleBinding>,
  previous: Loose<RoleBinding>,
  at: Faults,
): void {
  if (semanticEqual(next.roleRef, previous.roleRef)) return;
  at.invalid("roleRef", next.roleRef, "cannot change roleRef");
}
