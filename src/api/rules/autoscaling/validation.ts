import type {
  CrossVersionObjectReferenceV2,
  HorizontalPodAutoscalerV2,
  HPAScalingPolicyV2,
  HPAScalingRulesV2,
  MetricIdentifierV2,
  MetricSpecV2,
  MetricTargetV2,
} from "#api/gen/types.ts";
import { dns1123LabelFaults, pathSegmentFaults } from "#api/names.ts";
import { findQuantity } from "#api/quantity.ts";
import type { Faults } from "#api/rules/faults.ts";
import type { Loose } from "#api/rules/rules.ts";

/** Upstream: `pkg/apis/autoscaling/validation/validation.go`. */

const longestPeriodSeconds = 1800;
const longestWindowSeconds = 3600;

export function validateAutoscaler(it: Loose<HorizontalPodAutoscalerV2>, at: Faults): void {
  const spec = it.spec ?? {};
  const { minReplicas: min, maxReplicas: max = 0 } = spec;
  at.enter("spec");
  if (min !== undefined && min < 1) {
    at.invalid("minReplicas", min, "must be greater than or equal to 1");
  }
  if (max === 0) at.required("maxReplicas", "must be set and greater than 0");
  else if (max < 0) at.invalid("maxReplicas", max, "must be greater than or equal to 1");
  if (min !== undefined && max < min) {
    at.invalid("maxReplicas", max, "must be greater than or equal to `minReplicas`");
  }
  checkReference("scaleTargetRef", spec.scaleTargetRef ?? {}, at);
  for (const [i, metric] of (spec.metrics ?? []).entries()) {
    at.enter("metrics", i);
    checkMetric(metric, at);
    at.leave();
  }
  checkScaling("behavior.scaleUp", spec.behavior?.scaleUp, at);
  checkScaling("behavior.scaleDown", spec.behavior?.scaleDown, at);
  at.leave();
}

export function validateAutoscalerStatus(
  next: Loose<HorizontalPodAutoscalerV2>,
  _previous: unknown,
  at: Faults,
): void {
  at.nonNegative("status.currentReplicas", next.status?.currentReplicas);
  at.nonNegative("status.desiredReplicas", next.status?.desiredReplicas);
}

function checkReference(name: string, ref: Loose<CrossVersionObjectReferenceV2>, at: Faults): void {
  at.enter(name);
  for (const key of ["kind", "name"] as const) {
    const text = ref[key] ?? "";
    if (text === "") at.required(key);
    else at.invalidAll(key, text, pathSegmentFaults(text));
  }
  const version = ref.apiVersion ?? "";
  if (version.split("/").length > 2) {
    at.invalid("apiVersion", version, `unexpected GroupVersion string: ${version}`);
  }
  at.leave();
}

const sources = ["object", "external", "pods", "resource", "containerResource"] as const;

const sourceOfType: Readonly<Record<string, (typeof sources)[number]>> = {
  ContainerResource: "containerResource",
  External: "external",
  Object: "object",
  Pods: "pods",
  Resource: "resource",
};

function checkMetric(metric: Loose<MetricSpecV2>, at: Faults): void {
  const type = metric.type ?? "";
  const expected = sourceOfType[type];
  if (type === "") at.required("type", "must specify a metric source type");
  if (expected === undefined) at.notSupported("type", type, Object.keys(sourceOfType));
  const present = sources.filter((it) => metric[it] !== undefined);
  const [first] = present;
  if (first !== undefined) {
    at.enter(first);
    checkers[first](metric, at);
    at.leave();
  }
  if (expected !== undefined && metric[expected] === undefined) {
    at.required(expected, "must populate information for the given metric source");
  }
  if (present.length === 1) return;
  for (const it of present) {
    if (it !== expected) at.forbidden(it, "must populate the given metric source only");
  }
}

type CheckSource = (metric: Loose<MetricSpecV2>, at: Faults) => void;

const checkers: Readonly<Record<(typeof sources)[number], CheckSource>> = {
  object: ({ object: it = {} }, at) => {
    checkReference("describedObject", it.describedObject ?? {}, at);
    checkIdentity(it.metric ?? {}, at);
    checkTarget(it.target ?? {}, at);
    if (it.target?.value === undefined && it.target?.averageValue === undefined) {
      at.required("target.averageValue", "must set either a target value or averageValue");
    }
  },
  external: ({ external: it = {} }, at) => {
    checkIdentity(it.metric ?? {}, at);
    checkTarget(it.target ?? {}, at);
    const { value, averageValue } = it.target ?? {};
    if (value === undefined && averageValue === undefined) {
      const detail = "must set either a target value for metric or a per-pod target";
      at.required("target.averageValue", detail);
    }
    if (value !== undefined && averageValue !== undefined) {
      const detail = "may not set both a target value for metric and a per-pod target";
      at.forbidden("target.value", detail);
    }
  },
  pods: ({ pods: it = {} }, at) => {
    checkIdentity(it.metric ?? {}, at);
    checkTarget(it.target ?? {}, at);
    if (it.target?.averageValue === undefined) {
      at.required("target.averageValue", "must specify a positive target averageValue");
    }
  },
  resource: ({ resource: it = {} }, at) => {
    if ((it.name ?? "") === "") at.required("name", "must specify a resource name");
    checkUseTarget(it.target ?? {}, at);
  },
  containerResource: ({ containerResource: it = {} }, at) => {
    if ((it.name ?? "") === "") at.required("name", "must specify a resource name");
    const container = it.container ?? "";
    if (container === "") at.required("container", "must specify a container");
    else at.invalidAll("container", container, dns1123LabelFaults(container));
    checkUseTarget(it.target ?? {}, at);
  },
};

function checkIdentity(metric: Loose<MetricIdentifierV2>, at: Faults): void {
  const name = metric.name ?? "";
  if (name === "") at.required("metric.name", "must specify a metric name");
  else at.invalidAll("metric.name", name, pathSegmentFaults(name));
}

function checkUseTarget(target: Loose<MetricTargetV2>, at: Faults): void {
  checkTarget(target, at);
  const { averageUtilization: use, averageValue: value } = target;
  if (use === undefined && value === undefined) {
    const detail = "must set either a target raw value or a target utilization";
    at.required("target.averageUtilization", detail);
  }
  if (use !== undefined && value !== undefined) {
    const detail = "may not set both a target raw value and a target utilization";
    at.forbidden("target.averageValue", detail);
  }
}

const targetTypes = new Set(["Utilization", "Value", "AverageValue"]);

function checkTarget(target: Loose<MetricTargetV2>, at: Faults): void {
  const type = target.type ?? "";
  at.enter("target");
  if (type === "") at.required("type", "must specify a metric target type");
  if (!targetTypes.has(type)) {
    at.invalid("type", type, "must be either Utilization, Value, or AverageValue");
  }
  for (const key of ["value", "averageValue"] as const) {
    const amount = target[key];
    if (amount !== undefined && (findQuantity(amount)?.sign() ?? 0) <= 0) {
      at.invalid(key, amount, "must be positive");
    }
  }
  const use = target.averageUtilization;
  if (use !== undefined && use < 1) {
    at.invalid("averageUtilization", use, "must be greater than 0");
  }
  at.leave();
}

function checkScaling(name: string, rules: Loose<HPAScalingRulesV2> | undefined, at: Faults): void {
  if (rules === undefined) return;
  const { stabilizationWindowSeconds: window = 0, policies = [], tolerance } = rules;
  at.enter(name);
  if (window < 0) {
    at.invalid("stabilizationWindowSeconds", window, "must be greater than or equal to zero");
  }
  if (window > longestWindowSeconds) {
    const detail = `must be less than or equal to ${longestWindowSeconds}`;
    at.invalid("stabilizationWindowSeconds", window, detail);
  }
  at.optionalOneOf("selectPolicy", rules.selectPolicy, ["Disabled", "Max", "Min"]);
  if (policies.length === 0) at.required("policies", "must specify at least one Policy");
  for (const [i, it] of policies.entries()) {
    at.enter("policies", i);
    checkPolicy(it, at);
    at.leave();
  }
  if (tolerance !== undefined && (findQuantity(tolerance)?.sign() ?? 0) < 0) {
    at.invalid("tolerance", tolerance, "must be greater than or equal to 0");
  }
  at.leave();
}

function checkPolicy(policy: Loose<HPAScalingPolicyV2>, at: Faults): void {
  const { type = "", value = 0, periodSeconds: period = 0 } = policy;
  if (type !== "Pods" && type !== "Percent") at.notSupported("type", type, ["Percent", "Pods"]);
  if (value <= 0) at.invalid("value", value, "must be greater than zero");
  if (period <= 0) at.invalid("periodSeconds", period, "must be greater than zero");
  if (period > longestPeriodSeconds) {
    const detail = `must be less than or equal to ${longestPeriodSeconds}`;
    at.invalid("periodSeconds", period, detail);
  }
}
