import { testDefaults } from "#testing/kind-table.ts";

const cpu = {
  type: "Resource",
  resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 80 } },
};

testDefaults(
  "autoscaling/v2",
  "horizontalpodautoscalers",
  { spec: { maxReplicas: 3 } },
  { "spec.minReplicas": 1, "spec.metrics": [cpu], "spec.behavior": undefined },
);
testDefaults(
  "autoscaling/v2",
  "horizontalpodautoscalers",
  { spec: { maxReplicas: 3, behavior: { scaleDown: { stabilizationWindowSeconds: 5 } } } },
  {
    "spec.behavior.scaleUp": {
      stabilizationWindowSeconds: 0,
      selectPolicy: "Max",
      policies: [
        { type: "Pods", value: 4, periodSeconds: 15 },
        { type: "Percent", value: 100, periodSeconds: 15 },
      ],
    },
    "spec.behavior.scaleDown": {
      stabilizationWindowSeconds: 5,
      selectPolicy: "Max",
      policies: [{ type: "Percent", value: 100, periodSeconds: 15 }],
    },
  },
);
