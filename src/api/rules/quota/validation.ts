import type {
  LimitRange,
  LimitRangeItem,
  ResourceQuota,
  ResourceQuotaSpec,
  ScopedResourceSelectorRequirement,
} from "#api/gen/types.ts";
import { qualifiedNameFaults } from "#api/names.ts";
import { findQuantity, type Quantity } from "#api/quantity.ts";
import { semanticEqual } from "#api/rules/equality.ts";
import type { Faults } from "#api/rules/faults.ts";
import {
  checkAmount,
  checkContainerResourceName,
  checkResourceName,
  isOvercommitAllowed,
  isQuotaResource,
} from "#api/rules/pod/resource-names.ts";
import type { Loose } from "#api/rules/rules.ts";

type ResourceList = Readonly<Record<string, string>>;

const limitTypes = new Set(["Pod", "Container", "PersistentVolumeClaim"]);
const lists = ["max", "min", "default", "defaultRequest", "maxLimitRequestRatio"] as const;

/** Upstream: `ValidateLimitRange`. */
export function validateLimitRange(range: Loose<LimitRange>, at: Faults): void {
  const types = new Set<string>();
  for (const [i, it] of (range.spec?.limits ?? []).entries()) {
    at.enter("spec.limits", i);
    const type = it.type ?? "";
    checkLimitType(type, at);
    if (types.has(type)) at.duplicate("type", type);
    types.add(type);
    checkItem(it, at);
    at.leave();
  }
}

function checkLimitType(type: string, at: Faults): void {
  const faults = qualifiedNameFaults(type);
  at.invalidAll("type", type, faults);
  if (faults.length > 0 || type.includes("/") || limitTypes.has(type)) return;
  at.invalid("type", type, "must be a standard limit type or fully qualified");
}

function checkItem(item: Loose<LimitRangeItem>, at: Faults): void {
  const isPod = item.type === "Pod";
  const names = new Set<string>();
  for (const list of lists) {
    const listed = Object.keys(item[list] ?? {});
    if (isPod && (list === "default" || list === "defaultRequest")) {
      if (listed.length > 0) at.forbidden(list, "may not be specified when `type` is 'Pod'");
      continue;
    }
    const check =
      isPod || item.type === "Container" ? checkContainerResourceName : checkResourceName;
    for (const name of listed) {
      names.add(name);
      check(`${list}[${name}]`, name, at);
    }
  }
  if (item.type === "PersistentVolumeClaim") checkBoundsStorage(item, at);
  for (const name of names) checkOrder(item, name, at);
}

function checkBoundsStorage({ min, max }: Loose<LimitRangeItem>, at: Faults): void {
  if (min?.["storage"] !== undefined || max?.["storage"] !== undefined) return;
  const detail = "either minimum or maximum storage value is required, but neither was provided";
  at.required("limits", detail);
}

// Each pair in rising order: what is greater than what it must not pass, in which field upstream
// finds the fault, and the value of which of the two it shows.
const orders = [
  ["min", "max", "min", "min", "min value", "max value"],
  [
    "min",
    "defaultRequest",
    "defaultRequest",
    "defaultRequest",
    "min value",
    "default request value",
  ],
  [
    "defaultRequest",
    "max",
    "defaultRequest",
    "defaultRequest",
    "default request value",
    "max value",
  ],
  [
    "defaultRequest",
    "default",
    "defaultRequest",
    "defaultRequest",
    "default request value",
    "default limit value",
  ],
  ["min", "default", "default", "min", "min value", "default value"],
  ["default", "max", "default", "max", "default value", "max value"],
] as const;

function checkOrder(item: Loose<LimitRangeItem>, name: string, at: Faults): void {
  for (const [low, high, field, showing, lowText, highText] of orders) {
    const [a, b] = [amountIn(item[low], name), amountIn(item[high], name)];
    if (a === undefined || b === undefined || a.compare(b) <= 0) continue;
    const shown = showing === low ? a : b;
    const detail = `${lowText} ${a.toString()} is greater than ${highText} ${b.toString()}`;
    at.invalid(`${field}[${name}]`, shown, detail);
  }
  checkRatio(item, name, at);
  const [limit, request] = [amountIn(item.default, name), amountIn(item.defaultRequest, name)];
  if (limit === undefined || request === undefined || isOvercommitAllowed(name)) return;
  if (limit.compare(request) !== 0) {
    const detail = `default value ${limit.toString()} must equal to defaultRequest value ${request.toString()} in ${name}`;
    at.invalid(`defaultRequest[${name}]`, request, detail);
  }
}

function checkRatio(item: Loose<LimitRangeItem>, name: string, at: Faults): void {
  const ratio = amountIn(item.maxLimitRequestRatio, name);
  if (ratio === undefined) return;
  const field = `maxLimitRequestRatio[${name}]`;
  if (ratio.milliValue() < 1000) {
    at.invalid(field, ratio, `ratio ${ratio.toString()} is less than 1`);
  }
  const [min, max] = [amountIn(item.min, name), amountIn(item.max, name)];
  if (min === undefined || max === undefined) return;
  const limit = max.milliValue() / min.milliValue();
  if (ratio.milliValue() / 1000 > limit) {
    const detail = `ratio ${ratio.toString()} is greater than max/min = ${limit.toFixed(6)}`;
    at.invalid(field, ratio, detail);
  }
}

function amountIn(list: ResourceList | undefined, name: string): Quantity | undefined {
  const text = list?.[name];
  return text === undefined ? undefined : findQuantity(text);
}

/** Upstream: `ValidateResourceQuota`. */
export function validateResourceQuota(quota: Loose<ResourceQuota>, at: Faults): void {
  const spec = quota.spec ?? {};
  at.enter("spec");
  checkQuotaAmounts("hard", spec.hard ?? {}, at);
  checkScopes(spec, at);
  const requirements = spec.scopeSelector?.matchExpressions ?? [];
  for (const it of requirements) checkRequirement(it, spec, at);
  const named = requirements.map((it) => it.scopeName ?? "");
  checkConflicts("scopeSelector.matchExpressions", named, spec, at);
  at.leave();
}

function checkQuotaAmounts(list: string, amounts: ResourceList, at: Faults): void {
  for (const [name, amount] of Object.entries(amounts)) {
    const field = `${list}[${name}]`;
    checkResourceName(field, name, at);
    if (!name.includes("/") && !isQuotaResource(name)) {
      at.invalid(field, name, "must be a standard resource for quota");
    }
    checkAmount(field, name, amount, at);
  }
}

const computeNames = new Set([
  "pods",
  "cpu",
  "memory",
  "limits.cpu",
  "limits.memory",
  "requests.cpu",
  "requests.memory",
]);

/** What each scope may be counted for. */
const scopes: Readonly<Record<string, ReadonlySet<string>>> = {
  Terminating: computeNames,
  NotTerminating: computeNames,
  NotBestEffort: computeNames,
  PriorityClass: computeNames,
  CrossNamespacePodAffinity: computeNames,
  BestEffort: new Set(["pods"]),
  VolumeAttributesClass: new Set(["persistentvolumeclaims", "requests.storage"]),
};

const conflicts = [
  ["BestEffort", "NotBestEffort"],
  ["Terminating", "NotTerminating"],
] as const;

function checkScopes(spec: Loose<ResourceQuotaSpec>, at: Faults): void {
  const list = spec.scopes ?? [];
  for (const scope of list) {
    if (scopes[scope] === undefined) at.invalid("scopes", list, "unsupported scope");
    checkScopeFits("scopes", scope, spec.scopes ?? null, { spec, at });
  }
  checkConflicts("scopes", list, spec, at);
}

function checkConflicts(
  field: string,
  named: readonly string[],
  spec: Loose<ResourceQuotaSpec>,
  at: Faults,
): void {
  for (const [a, b] of conflicts) {
    if (!named.includes(a) || !named.includes(b)) continue;
    at.invalid(field, spec.scopes ?? null, "conflicting scopes");
  }
}

function checkScopeFits(
  field: string,
  scope: string,
  shown: unknown,
  { spec, at }: { readonly spec: Loose<ResourceQuotaSpec>; readonly at: Faults },
): void {
  const allowed = scopes[scope];
  if (allowed === undefined) return;
  for (const name of Object.keys(spec.hard ?? {}).sort()) {
    if (!isQuotaResource(name) || allowed.has(name)) continue;
    at.invalid(field, shown, "unsupported scope applied to resource");
  }
}

function checkRequirement(
  it: Loose<ScopedResourceSelectorRequirement>,
  spec: Loose<ResourceQuotaSpec>,
  at: Faults,
): void {
  const [scope, operator] = [it.scopeName ?? "", it.operator ?? ""];
  at.enter("scopeSelector.matchExpressions");
  if (scopes[scope] === undefined) at.invalid("scopeName", scope, "unsupported scope");
  checkScopeFits("", scope, spec.scopeSelector ?? null, { spec, at });
  const isPlain = scope !== "PriorityClass" && scope !== "VolumeAttributesClass";
  if (isPlain && scopes[scope] !== undefined && operator !== "Exists") {
    const detail =
      "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity";
    at.invalid("operator", operator, detail);
  }
  checkValues(operator, it.values ?? [], at);
  at.leave();
}

function checkValues(operator: string, values: readonly string[], at: Faults): void {
  if (operator === "In" || operator === "NotIn") {
    const detail =
      "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector";
    if (values.length === 0) at.required("values", detail);
  } else if (operator === "Exists" || operator === "DoesNotExist") {
    const detail =
      "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector";
    if (values.length > 0) at.invalid("values", values, detail);
  } else {
    at.invalid("operator", operator, "not a valid selector operator");
  }
}

export function validateResourceQuotaUpdate(
  next: Loose<ResourceQuota>,
  previous: Loose<ResourceQuota>,
  at: Faults,
): void {
  const [now, before] = [next.spec?.scopes ?? [], previous.spec?.scopes ?? []];
  if (semanticEqual([...now].sort(), [...before].sort())) return;
  at.invalid("spec.scopes", now, "field is immutable");
}

export function validateResourceQuotaStatus(
  next: Loose<ResourceQuota>,
  _previous: Loose<ResourceQuota>,
  at: Faults,
): void {
  at.enter("status");
  checkQuotaAmounts("hard", next.status?.hard ?? {}, at);
  checkQuotaAmounts("used", next.status?.used ?? {}, at);
  at.leave();
}
