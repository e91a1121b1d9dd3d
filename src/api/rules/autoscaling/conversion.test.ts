import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "#api/object.ts";
import { toAutoscalerV1, toAutoscalerV2 } from "./conversion.ts";

const ref = { kind: "Deployment", name: "d" };
const selector = { matchLabels: { a: "b" } };

function utilization(percent: number): JsonObject {
  const target = { type: "Utilization", averageUtilization: percent };
  return { type: "Resource", resource: { name: "cpu", target } };
}

const full: JsonObject = {
  apiVersion: "autoscaling/v2",
  kind: "HorizontalPodAutoscaler",
  metadata: { name: "a", annotations: { mine: "x" } },
  spec: {
    minReplicas: 1,
    maxReplicas: 3,
    scaleTargetRef: ref,
    metrics: [
      {
        type: "Object",
        object: {
          describedObject: ref,
          metric: { name: "hits", selector },
          target: { type: "AverageValue", averageValue: "2" },
        },
      },
      {
        type: "External",
        external: { metric: { name: "queue", selector }, target: { type: "Value", value: "5" } },
      },
      {
        type: "ContainerResource",
        containerResource: {
          name: "memory",
          container: "c",
          target: { type: "AverageValue", averageValue: "1Gi" },
        },
      },
      {
        type: "Pods",
        pods: { metric: { name: "m" }, target: { type: "AverageValue", averageValue: "7" } },
      },
      utilization(60),
    ],
    behavior: { scaleUp: { policies: [{ type: "Pods", value: 4, periodSeconds: 15 }] } },
  },
  status: {
    currentReplicas: 2,
    desiredReplicas: 2,
    currentMetrics: [
      {
        type: "Resource",
        resource: { name: "cpu", current: { averageUtilization: 10, averageValue: "100m" } },
      },
    ],
    conditions: [{ type: "AbleToScale", status: "True" }],
  },
};

test("all of v2 survives the way through v1", () => {
  assert.deepEqual(toAutoscalerV2(toAutoscalerV1(full)), full);
});

test("v1 shows the use of CPU, and carries the rest in annotations", () => {
  const old = toAutoscalerV1(full);
  assert.equal(old["apiVersion"], "autoscaling/v1");
  assert.deepEqual(old["spec"], {
    minReplicas: 1,
    maxReplicas: 3,
    scaleTargetRef: ref,
    targetCPUUtilizationPercentage: 60,
  });
  assert.deepEqual(old["status"], {
    currentReplicas: 2,
    desiredReplicas: 2,
    currentCPUUtilizationPercentage: 10,
  });
  const { annotations } = old["metadata"] as { annotations: Record<string, string> };
  assert.deepEqual(Object.keys(annotations), [
    "mine",
    "autoscaling.alpha.kubernetes.io/metrics",
    "autoscaling.alpha.kubernetes.io/current-metrics",
    "autoscaling.alpha.kubernetes.io/behavior",
    "autoscaling.alpha.kubernetes.io/conditions",
  ]);
  assert.equal(
    annotations["autoscaling.alpha.kubernetes.io/behavior"],
    '{"ScaleUp":{"Policies":[{"Type":"Pods","Value":4,"PeriodSeconds":15}]}}',
  );
  const [first] = JSON.parse(
    annotations["autoscaling.alpha.kubernetes.io/metrics"] ?? "",
  ) as JsonObject[];
  assert.deepEqual(first, {
    type: "Object",
    object: {
      target: ref,
      metricName: "hits",
      selector,
      targetValue: "0",
      averageValue: "2",
    },
  });
});

test("a plain v1 gets the metric that was meant", () => {
  const plain = { apiVersion: "autoscaling/v1", metadata: { name: "a" } };
  const spec = { maxReplicas: 3, scaleTargetRef: ref };
  const withTarget = { ...plain, spec: { ...spec, targetCPUUtilizationPercentage: 30 } };
  assert.deepEqual(toAutoscalerV2(withTarget)["spec"], { ...spec, metrics: [utilization(30)] });
  const without = toAutoscalerV2({ ...plain, spec });
  assert.deepEqual(without["spec"], { ...spec, metrics: [utilization(80)] });
});

test("annotations that do not parse are dropped", () => {
  const annotations = { "autoscaling.alpha.kubernetes.io/metrics": "{" };
  const metadata = { name: "a", annotations };
  const converted = toAutoscalerV2({ metadata, spec: { maxReplicas: 1 } });
  assert.deepEqual(converted["metadata"], { name: "a" });
  assert.deepEqual(converted["spec"], { maxReplicas: 1, metrics: [utilization(80)] });
});
