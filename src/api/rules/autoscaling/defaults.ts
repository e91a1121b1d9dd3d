import type {
  HorizontalPodAutoscaler,
  HorizontalPodAutoscalerV2,
  HPAScalingRulesV2,
} from "#api/gen/types.ts";
import type { JsonObject } from "#api/object.ts";
import type { Draft } from "#api/rules/rules.ts";

/** Upstream: `pkg/apis/autoscaling/v2/defaults.go`. */

export function defaultOldAutoscaler(it: Draft<HorizontalPodAutoscaler>): void {
  it.spec ??= {};
  it.spec.minReplicas ??= 1;
}

export function defaultAutoscaler(it: Draft<HorizontalPodAutoscalerV2>): void {
  const spec = (it.spec ??= {});
  spec.minReplicas ??= 1;
  if ((spec.metrics ?? []).length === 0) spec.metrics = defaultMetrics();
  const behavior = spec.behavior;
  if (behavior === undefined) return;
  fill((behavior.scaleUp ??= {}), {
    stabilizationWindowSeconds: 0,
    policies: [
      { type: "Pods", value: 4, periodSeconds: 15 },
      { type: "Percent", value: 100, periodSeconds: 15 },
    ],
  });
  fill((behavior.scaleDown ??= {}), {
    policies: [{ type: "Percent", value: 100, periodSeconds: 15 }],
  });
}

/** Four fifths of the requested CPU, when nothing else is asked for. */
export function defaultMetrics(): JsonObject[] &
  Draft<HorizontalPodAutoscalerV2["spec"]>["metrics"] {
  const target = { type: "Utilization", averageUtilization: 80 };
  return [{ type: "Resource", resource: { name: "cpu", target } }];
}

function fill(rules: Draft<HPAScalingRulesV2>, otherwise: Draft<HPAScalingRulesV2>): void {
  rules.selectPolicy ??= "Max";
  rules.policies ??= otherwise.policies;
  const seconds = otherwise.stabilizationWindowSeconds;
  if (seconds !== undefined) rules.stabilizationWindowSeconds ??= seconds;
}
