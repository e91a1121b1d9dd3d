import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "#api/object.ts";
import { strategyFor, testFaults, testUpdateFaults } from "#testing/kind-table.ts";

const metadata = { name: "a", namespace: "default" };
const range: JsonObject = {
  metadata,
  spec: { limits: [{ type: "Container", max: { cpu: "2" }, min: { cpu: "100m" } }] },
};

testFaults("", "limitranges", range, [
  ["spec.limits.0.type", "x", "Invalid spec.limits[0].type ~ must be a standard limit type"],
  ["spec.limits.1", { type: "Container" }, "Duplicate spec.limits[1].type"],
  [
    "spec.limits.0",
    { type: "Pod", default: { cpu: "1" } },
    "Forbidden spec.limits[0].default ~ may not be specified when `type` is 'Pod'",
  ],
  [
    "spec.limits.0",
    { type: "Pod", min: { cpu: "2" }, max: { cpu: "1" } },
    "Invalid spec.limits[0].min[cpu] ~ min value 2 is greater than max value 1",
  ],
  [
    "spec.limits.0",
    { type: "Pod", maxLimitRequestRatio: { cpu: "500m" } },
    "Invalid spec.limits[0].maxLimitRequestRatio[cpu] ~ ratio 500m is less than 1",
  ],
  [
    "spec.limits.0",
    { type: "PersistentVolumeClaim" },
    "Required spec.limits[0].limits ~ either minimum or maximum storage value is required",
  ],
  [
    "spec.limits.0",
    { type: "PersistentVolumeClaim", default: { storage: "1" } },
    "Required spec.limits[0].limits ~ either minimum or maximum storage value is required",
  ],
  [
    "spec.limits.0",
    { type: "Container", max: { cpu: "1" }, default: { cpu: "2" }, defaultRequest: { cpu: "1" } },
    'Invalid spec.limits[0].default[cpu] ~ Invalid value: "1": default value 2 is greater than max value 1',
  ],
]);

const quota: JsonObject = { metadata, spec: { hard: { pods: "10", "requests.cpu": "2" } } };

testFaults("", "resourcequotas", quota, [
  [
    "spec.hard",
    { x: "1" },
    "Invalid spec.hard[x] ~ must be a standard resource type or fully qualified ; Invalid spec.hard[x] ~ must be a standard resource for quota",
  ],
  ["spec.hard", { pods: "-1" }, "Invalid spec.hard[pods] ~ must be greater than or equal to 0"],
  ["spec.scopes", ["x"], "Invalid spec.scopes ~ unsupported scope"],
  ["spec.scopes", ["BestEffort"], "Invalid spec.scopes ~ unsupported scope applied to resource"],
  ["spec.scopes", ["Terminating", "NotTerminating"], "Invalid spec.scopes ~ conflicting scopes"],
  [
    "spec.scopeSelector",
    { matchExpressions: [{ scopeName: "PriorityClass", operator: "In" }] },
    "Required spec.scopeSelector.matchExpressions.values",
  ],
  [
    "spec.scopeSelector",
    {
      matchExpressions: [
        { scopeName: "Terminating", operator: "Exists" },
        { scopeName: "NotTerminating", operator: "Exists" },
      ],
    },
    "Invalid spec.scopeSelector.matchExpressions ~ conflicting scopes",
  ],
]);

testUpdateFaults("", "resourcequotas", quota, [
  ["spec.hard", { pods: "11" }, ""],
  ["spec.scopes", ["Terminating"], "Invalid spec.scopes ~ field is immutable"],
]);

test("columns of a quota", () => {
  const object = {
    metadata,
    status: { hard: { pods: "10", "limits.cpu": "4" }, used: { pods: "3" } },
  };
  const cells = strategyFor("", "resourcequotas").cells(object, 0);
  assert.deepEqual(cells, ["a", "pods: 3/10", "limits.cpu: 0/4", "<unknown>"]);
});
