import type {
  Affinity,
  LabelSelector,
  NodeSelector,
  NodeSelectorRequirement,
  NodeSelectorTerm,
  PodAffinity,
  PodAffinityTerm,
  Toleration,
  TopologySpreadConstraint,
} from "#api/gen/types.ts";
import {
  dns1123LabelFaults,
  dns1123SubdomainFaults,
  labelValueFaults,
  qualifiedNameFaults,
} from "#api/names.ts";
import type { Faults } from "#api/rules/faults.ts";
import { checkSelector } from "#api/rules/labels/validation.ts";
import type { Loose } from "#api/rules/rules.ts";

const taintEffects = ["NoSchedule", "PreferNoSchedule", "NoExecute"];

/** Upstream: `validateTaintEffect`. */
export function checkTaintEffect(field: string, effect: string | undefined, at: Faults): void {
  at.oneOf(field, effect, taintEffects);
}

export function checkTolerations(tolerations: readonly Loose<Toleration>[], at: Faults): void {
  for (const [i, it] of tolerations.entries()) {
    at.enter("tolerations", i);
    const key = it.key ?? "";
    const operator = it.operator ?? "";
    if (key !== "") at.invalidAll("key", key, qualifiedNameFaults(key));
    else if (operator !== "Exists") {
      const detail =
        'operator must be Exists when `key` is empty, which means "match all values and all keys"';
      at.invalid("operator", operator, detail);
    }
    if (it.tolerationSeconds !== undefined && it.effect !== "NoExecute") {
      const detail = "effect must be 'NoExecute' when `tolerationSeconds` is set";
      at.invalid("effect", it.effect, detail);
    }
    checkTolerationValue(operator, it.value ?? "", at);
    if (it.effect !== undefined && it.effect !== "") at.oneOf("effect", it.effect, taintEffects);
    at.leave();
  }
}

function checkTolerationValue(operator: string, value: string, at: Faults): void {
  if (operator === "Equal" || operator === "") {
    const faults = labelValueFaults(value);
    if (faults.length > 0) at.invalid("operator", value, faults.join(";"));
  } else if (operator === "Exists") {
    if (value !== "") {
      at.invalid("operator", value, "value must be empty when `operator` is 'Exists'");
    }
  } else {
    at.notSupported("operator", operator, ["Equal", "Exists"]);
  }
}

export function checkAffinity(affinity: Loose<Affinity>, at: Faults): void {
  at.enter("affinity");
  const node = affinity.nodeAffinity;
  if (node !== undefined) {
    at.enter("nodeAffinity");
    const required = node.requiredDuringSchedulingIgnoredDuringExecution;
    if (required !== undefined) {
      at.enter("requiredDuringSchedulingIgnoredDuringExecution");
      checkNodeSelector(required, at);
      at.leave();
    }
    const preferred = node.preferredDuringSchedulingIgnoredDuringExecution ?? [];
    for (const [i, it] of preferred.entries()) {
      at.enter("preferredDuringSchedulingIgnoredDuringExecution", i);
      checkWeight(it.weight, at);
      at.enter("preference");
      checkNodeTerm(it.preference ?? {}, at, false);
      at.leave();
      at.leave();
    }
    at.leave();
  }
  checkPodAffinity("podAffinity", affinity.podAffinity, at);
  checkPodAffinity("podAntiAffinity", affinity.podAntiAffinity, at);
  at.leave();
}

function checkWeight(weight: number | undefined, at: Faults): void {
  const value = weight ?? 0;
  if (value <= 0 || value > 100) at.invalid("weight", value, "must be in the range 1-100");
}

/** Upstream: `ValidateNodeSelector`. */
export function checkNodeSelector(selector: Loose<NodeSelector>, at: Faults): void {
  const terms = selector.nodeSelectorTerms ?? [];
  if (terms.length === 0) {
    at.required("nodeSelectorTerms", "must have at least one node selector term");
  }
  for (const [i, term] of terms.entries()) {
    at.enter("nodeSelectorTerms", i);
    checkNodeTerm(term, at, true);
    at.leave();
  }
}

// Values of a preference may be anything: it was so before they were checked.
function checkNodeTerm(term: Loose<NodeSelectorTerm>, at: Faults, checkValues: boolean): void {
  for (const [i, it] of (term.matchExpressions ?? []).entries()) {
    at.enter("matchExpressions", i);
    checkNodeRequirement(it, at);
    if (checkValues) {
      for (const [j, value] of (it.values ?? []).entries()) {
        at.invalidAll(`values[${j}]`, value, labelValueFaults(value));
      }
    }
    at.leave();
  }
  for (const [i, it] of (term.matchFields ?? []).entries()) {
    at.enter("matchFields", i);
    checkFieldRequirement(it, at);
    at.leave();
  }
}

function checkNodeRequirement(it: Loose<NodeSelectorRequirement>, at: Faults): void {
  const count = (it.values ?? []).length;
  switch (it.operator) {
    case "In":
    case "NotIn":
      if (count === 0) {
        at.required("values", "must be specified when `operator` is 'In' or 'NotIn'");
      }
      break;
    case "Exists":
    case "DoesNotExist":
      if (count > 0) {
        const detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
        at.forbidden("values", detail);
      }
      break;
    case "Gt":
    case "Lt":
      if (count !== 1) {
        at.required("values", "must be specified single value when `operator` is 'Lt' or 'Gt'");
      }
      break;
    case undefined:
    default:
      at.invalid("operator", it.operator, "not a valid selector operator");
  }
  at.invalidAll("key", it.key, qualifiedNameFaults(it.key ?? ""));
}

function checkFieldRequirement(it: Loose<NodeSelectorRequirement>, at: Faults): void {
  if (it.operator !== "In" && it.operator !== "NotIn") {
    at.invalid("operator", it.operator, "not a valid selector operator");
  } else if ((it.values ?? []).length !== 1) {
    const detail =
      "must be only one value when `operator` is 'In' or 'NotIn' for node field selector";
    at.required("values", detail);
  }
  if (it.key !== "metadata.name") {
    at.invalid("key", it.key, "not a valid field selector key");
    return;
  }
  for (const [i, value] of (it.values ?? []).entries()) {
    at.invalidAll(`values[${i}]`, value, dns1123SubdomainFaults(value));
  }
}

function checkPodAffinity(
  name: string,
  affinity: Loose<PodAffinity> | undefined,
  at: Faults,
): void {
  if (affinity === undefined) return;
  at.enter(name);
  const required = affinity.requiredDuringSchedulingIgnoredDuringExecution ?? [];
  for (const [i, term] of required.entries()) {
    at.enter("requiredDuringSchedulingIgnoredDuringExecution", i);
    checkAffinityTerm(term, at);
    at.leave();
  }
  const preferred = affinity.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  for (const [i, it] of preferred.entries()) {
    at.enter("preferredDuringSchedulingIgnoredDuringExecution", i);
    checkWeight(it.weight, at);
    at.enter("podAffinityTerm");
    checkAffinityTerm(it.podAffinityTerm ?? {}, at);
    at.leave();
    at.leave();
  }
  at.leave();
}

function checkAffinityTerm(term: Loose<PodAffinityTerm>, at: Faults): void {
  checkSelector("labelSelector", term.labelSelector, at);
  checkSelector("namespaceSelector", term.namespaceSelector, at);
  for (const name of term.namespaces ?? []) {
    at.invalidAll("namespace", name, dns1123LabelFaults(name));
  }
  checkLabelKeys("matchLabelKeys", term.matchLabelKeys ?? [], term.labelSelector, at);
  checkLabelKeys("mismatchLabelKeys", term.mismatchLabelKeys ?? [], term.labelSelector, at);
  const mismatched = new Set(term.mismatchLabelKeys ?? []);
  for (const [i, key] of (term.matchLabelKeys ?? []).entries()) {
    if (!mismatched.has(key)) continue;
    const detail = "exists in both matchLabelKeys and mismatchLabelKeys";
    at.invalid(`matchLabelKeys[${i}]`, key, detail);
  }
  const key = term.topologyKey ?? "";
  if (key === "") at.required("topologyKey", "can not be empty");
  at.invalidAll("topologyKey", key, qualifiedNameFaults(key));
}

function checkLabelKeys(
  field: string,
  keys: readonly string[],
  selector: Loose<LabelSelector> | undefined,
  at: Faults,
): void {
  if (keys.length === 0) return;
  if (selector === undefined) {
    at.forbidden(field, "must not be specified when labelSelector is not set");
    return;
  }
  for (const [i, key] of keys.entries()) {
    at.invalidAll(`${field}[${i}]`, key, qualifiedNameFaults(key));
  }
}

const nodePolicies = ["Honor", "Ignore"];

export function checkTopologySpread(
  constraints: readonly Loose<TopologySpreadConstraint>[],
  at: Faults,
): void {
  for (const [i, it] of constraints.entries()) {
    at.enter("topologySpreadConstraints", i);
    const action = it.whenUnsatisfiable ?? "";
    checkPositive("maxSkew", it.maxSkew ?? 0, at);
    if ((it.topologyKey ?? "") === "") at.required("topologyKey", "can not be empty");
    at.optionalOneOf("whenUnsatisfiable", action, ["DoNotSchedule", "ScheduleAnyway"]);
    const isRepeated = constraints
      .slice(i + 1)
      .some((other) => other.topologyKey === it.topologyKey && other.whenUnsatisfiable === action);
    if (isRepeated) {
      at.duplicate("{topologyKey, whenUnsatisfiable}", `{${it.topologyKey ?? ""}, ${action}}`);
    }
    if (it.minDomains !== undefined) checkMinDomains(it.minDomains, action, at);
    at.optionalOneOf("nodeAffinityPolicy", it.nodeAffinityPolicy, nodePolicies);
    at.optionalOneOf("nodeTaintsPolicy", it.nodeTaintsPolicy, nodePolicies);
    checkSpreadKeys(it, at);
    checkSelector("labelSelector", it.labelSelector, at);
    at.leave();
  }
}

function checkMinDomains(minDomains: number, action: string, at: Faults): void {
  checkPositive("minDomains", minDomains, at);
  if (action === "DoNotSchedule") return;
  const detail = `can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ${action}`;
  at.invalid("minDomains", minDomains, detail);
}

function checkSpreadKeys(constraint: Loose<TopologySpreadConstraint>, at: Faults): void {
  const keys = constraint.matchLabelKeys ?? [];
  const selector = constraint.labelSelector;
  checkLabelKeys("matchLabelKeys", keys, selector, at);
  for (const [i, key] of keys.entries()) {
    const isSelected =
      selector?.matchLabels?.[key] !== undefined ||
      (selector?.matchExpressions ?? []).some((it) => it.key === key);
    if (!isSelected) continue;
    at.invalid(`matchLabelKeys[${i}]`, key, "exists in both matchLabelKeys and labelSelector");
  }
}

export function checkPositive(field: string, value: number, at: Faults): void {
  if (value <= 0) at.invalid(field, value, "must be greater than zero");
}
