import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "#api/object.ts";
import { strategyFor, testDefaults, valueAt } from "#testing/kind-table.ts";

const group = "resource.k8s.io";
const requests = [
  { name: "a", exactly: { deviceClassName: "c", tolerations: [{ key: "k" }] } },
  { name: "b", firstAvailable: [{ name: "x", deviceClassName: "c", allocationMode: "All" }] },
];

testDefaults(
  group,
  "resourceclaims",
  { spec: { devices: { requests } } },
  {
    "spec.devices.requests.0.exactly": {
      deviceClassName: "c",
      allocationMode: "ExactCount",
      count: 1,
      tolerations: [{ key: "k", operator: "Equal" }],
    },
    "spec.devices.requests.1.firstAvailable.0.count": undefined,
  },
);
testDefaults(
  group,
  "resourceclaimtemplates",
  { spec: { spec: { devices: { requests } } } },
  { "spec.spec.devices.requests.0.exactly.count": 1 },
);

test("a taint without a time gets the time of the write", () => {
  const slice: JsonObject = {
    metadata: { name: "a" },
    spec: { devices: [{ name: "d", taints: [{ key: "k", effect: "NoSchedule" }] }] },
  };
  strategyFor(group, "resourceslices").prepareForCreate(slice, { now: "2026-01-01T00:00:00Z" });
  assert.equal(valueAt(slice, "spec.devices.0.taints.0.timeAdded"), "2026-01-01T00:00:00Z");
});
