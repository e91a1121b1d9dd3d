import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "#api/object.ts";
import { strategyFor, testFaults } from "#testing/kind-table.ts";

const valid: JsonObject = {
  metadata: { name: "a", namespace: "n" },
  spec: {
    maxReplicas: 3,
    scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "d" },
    metrics: [
      {
        type: "Resource",
        resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 50 } },
      },
      {
        type: "Pods",
        pods: { metric: { name: "m" }, target: { type: "AverageValue", averageValue: "10" } },
      },
    ],
  },
};

const metric = "spec.metrics[0]";
testFaults("autoscaling/v2", "horizontalpodautoscalers", valid, [
  ["spec.minReplicas", 0, "Invalid spec.minReplicas ~ must be greater than or equal to 1"],
  [
    "spec.maxReplicas",
    undefined,
    "Required spec.maxReplicas ~ must be set and greater than 0 ; Invalid spec.maxReplicas",
  ],
  [
    "spec.minReplicas",
    4,
    "Invalid spec.maxReplicas ~ must be greater than or equal to `minReplicas`",
  ],
  ["spec.scaleTargetRef.kind", "", "Required spec.scaleTargetRef.kind"],
  ["spec.scaleTargetRef.name", "a/b", "Invalid spec.scaleTargetRef.name"],
  [
    "spec.metrics.0",
    { type: "Resource" },
    `Required ${metric}.resource ~ must populate information`,
  ],
  [
    "spec.metrics.0.resource.name",
    "",
    `Required ${metric}.resource.name ~ must specify a resource name`,
  ],
  [
    "spec.metrics.0.resource.target.averageUtilization",
    0,
    `Invalid ${metric}.resource.target.averageUtilization ~ must be greater than 0`,
  ],
  [
    "spec.metrics.0.resource.target.averageValue",
    "5",
    `Forbidden ${metric}.resource.target.averageValue`,
  ],
  [
    "spec.metrics.1.pods.target.averageValue",
    "-1",
    "Invalid spec.metrics[1].pods.target.averageValue ~ must be positive",
  ],
  ["spec.metrics.1.pods.metric.name", "", "Required spec.metrics[1].pods.metric.name"],
  [
    "spec.behavior",
    { scaleUp: { policies: [] } },
    "Required spec.behavior.scaleUp.policies ~ must specify at least one Policy",
  ],
  [
    "spec.behavior",
    { scaleUp: { stabilizationWindowSeconds: 3601 } },
    "Invalid spec.behavior.scaleUp.stabilizationWindowSeconds ~ must be less than or equal to 3600",
  ],
  [
    "spec.behavior",
    { scaleDown: { policies: [{ type: "Pods", value: 1, periodSeconds: 1801 }] } },
    "Invalid spec.behavior.scaleDown.policies[0].periodSeconds",
  ],
  [
    "spec.behavior",
    { scaleDown: { selectPolicy: "x" } },
    "NotSupported spec.behavior.scaleDown.selectPolicy",
  ],
]);

const status = {
  currentReplicas: 2,
  currentMetrics: [
    {
      type: "Resource",
      resource: { name: "cpu", current: { averageUtilization: 10, averageValue: "1" } },
    },
  ],
};
const cells = ["a", "Deployment/d", "cpu: 10%/50%, <unknown>/10", "1", 3, 2, "<unknown>"];

test("columns of an autoscaler", () => {
  const strategy = strategyFor("autoscaling/v2", "horizontalpodautoscalers");
  const object = structuredClone({ ...valid, status });
  strategy.default(object);
  assert.deepEqual(strategy.cells(object, 0), cells);
});

test("an autoscaler of v1 is checked and shown like one of v2", () => {
  const strategy = strategyFor("autoscaling/v1", "horizontalpodautoscalers");
  const object: JsonObject = {
    metadata: { name: "a" },
    spec: {
      maxReplicas: 3,
      scaleTargetRef: { kind: "Deployment", name: "d" },
      targetCPUUtilizationPercentage: 50,
    },
    status: { currentReplicas: 2, currentCPUUtilizationPercentage: 10 },
  };
  strategy.default(object);
  assert.deepEqual(strategy.validate(object), []);
  const shown = ["a", "Deployment/d", "cpu: 10%/50%", "1", 3, 2, "<unknown>"];
  assert.deepEqual(strategy.cells(object, 0), shown);
  const bad = { ...object, spec: { maxReplicas: 0 } };
  assert.equal(strategy.validate(bad)[0]?.field, "spec.maxReplicas");
});
