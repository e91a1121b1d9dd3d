import type {
  HorizontalPodAutoscalerConditionV2,
  HorizontalPodAutoscalerSpecV2,
  MetricSpecV2,
  MetricStatusV2,
  MetricTargetV2,
  Pod,
} from "#api/gen/types.ts";
import { findQuantity, quantityOfMillis } from "#api/quantity.ts";
import { forget, limit, type Memory } from "./behavior.ts";
import { recommend, type Recommendation } from "./calculator.ts";
import { usagesOf, type PodMetrics } from "./metrics.ts";

export interface Situation {
  /** Of the target's spec. */
  readonly current: number;
  readonly pods: readonly Pod[];
  readonly metrics: readonly PodMetrics[];
  readonly now: number;
}

export interface ScalePlan {
  readonly replicas: number;
  readonly memory: Memory;
  readonly currentMetrics: readonly MetricStatusV2[];
  readonly conditions: readonly Condition[];
  /** Why the target is scaled, for its event; empty when it is not. */
  readonly why: string;
  /** What could not be measured, for events. */
  readonly faults: readonly Fault[];
}

export type Condition = Pick<
  HorizontalPodAutoscalerConditionV2,
  "type" | "status" | "reason" | "message"
>;

export interface Fault {
  readonly reason: string;
  readonly message: string;
  /** What it says of the value that it was to be, before the message. */
  readonly value?: string;
}

const usualTolerance = 0.1;

/**
 * What an autoscaler does now. Upstream: `reconcileAutoscaler` of
 * `pkg/controller/podautoscaler/horizontal.go`.
 */
export function planScale(
  spec: HorizontalPodAutoscalerSpecV2,
  it: Situation,
  memory: Memory,
): ScalePlan {
  const { maxReplicas, minReplicas = 1 } = spec;
  if (it.current === 0 && minReplicas !== 0) {
    const message = "scaling is disabled since the replica count of the target is zero";
    return still(it, memory, [condition("ScalingActive", false, "ScalingDisabled", message)]);
  }
  if (it.current > maxReplicas)
    return moved(it, memory, maxReplicas, "Current number of replicas above Spec.MaxReplicas");
  if (it.current < minReplicas)
    return moved(it, memory, minReplicas, "Current number of replicas below Spec.MinReplicas");
  const measured = measure(spec, it);
  const { wish, faults, currentMetrics } = measured;
  if (wish === undefined) {
    const first = faults[0] ?? { reason: "InvalidMetricSourceType", message: "no metric is known" };
    const message = `the HPA was unable to compute the replica count: ${first.message}`;
    const conditions = [condition("ScalingActive", false, first.reason, message)];
    const all = spec.metrics?.length ?? 0;
    const failed = {
      reason: "FailedComputeMetricsReplicas",
      message: `invalid metrics (${faults.length} invalid out of ${all}), first error is: ${first.value ?? ""}${first.message}`,
    };
    return { ...still(it, memory, conditions), faults: [...faults, failed], currentMetrics };
  }
  const fresh = forget(memory, it.now);
  const recommendations = [...fresh.recommendations, { timeMs: it.now, replicas: wish }];
  const known = { ...fresh, recommendations };
  const bounded = limit(spec, { current: it.current, wish, now: it.now }, known);
  const { replicas } = bounded;
  const by = replicas - it.current;
  const changes = by === 0 ? known.changes : [...known.changes, { timeMs: it.now, by }];
  return {
    replicas,
    memory: { recommendations, changes },
    currentMetrics,
    faults,
    why: reasonOf(measured.name, by),
    conditions: [
      condition(
        "ScalingActive",
        true,
        "ValidMetricFound",
        `the HPA was able to successfully calculate a replica count from ${measured.name}`,
      ),
      ableCondition(bounded.stabilized, by, replicas),
      limitedCondition(bounded.limit),
    ],
  };
}

function reasonOf(metric: string, by: number): string {
  if (by === 0) return "";
  return by > 0 ? `${metric} above target` : "All metrics below target";
}

/** Upstream lets the outcome of scaling replace what held it back. */
function ableCondition(stabilized: Fault | undefined, by: number, replicas: number): Condition {
  if (by !== 0) return rescaled(replicas);
  const { reason, message } = stabilized ?? {
    reason: "ReadyForNewScale",
    message: "recommended size matches current size",
  };
  return condition("AbleToScale", true, reason, message);
}

function rescaled(replicas: number): Condition {
  const message = `the HPA controller was able to update the target scale to ${replicas}`;
  return condition("AbleToScale", true, "SucceededRescale", message);
}

function limitedCondition(reason: Fault | undefined): Condition {
  return reason === undefined
    ? condition(
        "ScalingLimited",
        false,
        "DesiredWithinRange",
        "the desired count is within the acceptable range",
      )
    : condition("ScalingLimited", true, reason.reason, reason.message);
}

export function condition(
  type: string,
  isTrue: boolean,
  reason: string,
  message: string,
): Condition {
  return { type, status: isTrue ? "True" : "False", reason, message };
}

function still(
  { current }: Situation,
  memory: Memory,
  conditions: readonly Condition[],
): ScalePlan {
  return { replicas: current, memory, currentMetrics: [], conditions, why: "", faults: [] };
}

/** Bounds hold at once, whatever is measured. */
function moved(it: Situation, memory: Memory, replicas: number, why: string): ScalePlan {
  const able = rescaled(replicas);
  const changes = [...memory.changes, { timeMs: it.now, by: replicas - it.current }];
  return { ...still(it, { ...memory, changes }, [able]), replicas, why };
}

interface Measured {
  /** The most that any metric asks for; undefined when it cannot be said. */
  readonly wish: number | undefined;
  readonly name: string;
  readonly faults: readonly Fault[];
  readonly currentMetrics: readonly MetricStatusV2[];
}

function measure(spec: HorizontalPodAutoscalerSpecV2, it: Situation): Measured {
  let wish: number | undefined;
  let name = "";
  const faults: Fault[] = [];
  const currentMetrics: MetricStatusV2[] = [];
  for (const metric of spec.metrics ?? []) {
    const found = measureOne(spec, metric, it);
    if ("reason" in found) {
      faults.push(found);
      continue;
    }
    currentMetrics.push(found.status);
    if (wish !== undefined && found.replicas <= wish) continue;
    wish = found.replicas;
    name = found.name;
  }
  // With a part unknown, replicas may still be added, but none are taken away.
  if (faults.length > 0 && wish !== undefined && wish < it.current) wish = undefined;
  return { wish, name, faults, currentMetrics };
}

interface MeasuredOne {
  readonly replicas: number;
  readonly name: string;
  readonly status: MetricStatusV2;
}

function measureOne(
  spec: HorizontalPodAutoscalerSpecV2,
  metric: MetricSpecV2,
  it: Situation,
): MeasuredOne | Fault {
  const source = metric.resource ?? metric.containerResource;
  if (source === undefined) return unservedMetric(metric);
  const container = metric.containerResource?.container;
  const reason =
    container === undefined ? "FailedGetResourceMetric" : "FailedGetContainerResourceMetric";
  const target = targetOf(source.target);
  const value =
    container === undefined
      ? `failed to get ${source.name} resource metric value: `
      : `failed to get ${container} container metric value: `;
  if (target === undefined) {
    return {
      reason,
      value,
      message: `the target of ${source.name} is neither a utilization nor an average value`,
    };
  }
  const { scaleUp, scaleDown } = spec.behavior ?? {};
  const question = {
    resource: source.name,
    container,
    target,
    current: it.current,
    tolerance: { up: toleranceOf(scaleUp?.tolerance), down: toleranceOf(scaleDown?.tolerance) },
    now: it.now,
  };
  try {
    const found = recommend(question, it.pods, usagesOf(it.metrics, source.name, container));
    return {
      replicas: found.replicas,
      name: nameOf(source.name, container, target.kind),
      status: statusOf(metric, found),
    };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const what = target.kind === "utilization" ? "utilization" : "usage";
    return { reason, value, message: `failed to get ${source.name} ${what}: ${message}` };
  }
}

/** Metrics that other APIs serve, which this cluster has not. */
function unservedMetric(metric: MetricSpecV2): Fault {
  const external =
    "unable to fetch metrics from external metrics API: the server could not find the requested resource (get external.metrics.k8s.io)";
  const custom =
    "unable to fetch metrics from custom metrics API: the server could not find the requested resource (get custom.metrics.k8s.io)";
  if (metric.external !== undefined)
    return { reason: "FailedGetExternalMetric", message: external };
  if (metric.object !== undefined) return { reason: "FailedGetObjectMetric", message: custom };
  if (metric.pods !== undefined) return { reason: "FailedGetPodsMetric", message: custom };
  return {
    reason: "InvalidMetricSourceType",
    message: `unknown metric source type ${JSON.stringify(metric.type)}`,
  };
}

function toleranceOf(text: string | undefined): number {
  const quantity = text === undefined ? undefined : findQuantity(text);
  return quantity === undefined ? usualTolerance : quantity.milliValue() / 1_000;
}

type Target = Parameters<typeof recommend>[0]["target"];

function targetOf({ averageUtilization, averageValue }: MetricTargetV2): Target | undefined {
  if (averageUtilization !== undefined) return { kind: "utilization", percent: averageUtilization };
  const millis = averageValue === undefined ? undefined : findQuantity(averageValue)?.milliValue();
  return millis === undefined ? undefined : { kind: "averageValue", millis };
}

function nameOf(resource: string, container: string | undefined, kind: Target["kind"]): string {
  const place = container === undefined ? "" : `container ${container} `;
  const how = kind === "utilization" ? "utilization (percentage of request)" : "raw value";
  return `${resource} ${place}resource ${how}`;
}

function statusOf(metric: MetricSpecV2, { average, utilization }: Recommendation): MetricStatusV2 {
  const current = {
    averageValue: quantityOfMillis(average, "DecimalSI").toString(),
    ...(utilization === undefined ? {} : { averageUtilization: utilization }),
  };
  const { resource, containerResource } = metric;
  if (containerResource !== undefined) {
    const { name, container } = containerResource;
    return { type: metric.type, containerResource: { name, container, current } };
  }
  return { type: metric.type, resource: { name: resource?.name ?? "", current } };
}
