import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "#api/object.ts";
import { strategyFor, testFaults, testUpdateFaults } from "#testing/kind-table.ts";

const group = "resource.k8s.io";

testFaults(group, "deviceclasses", { metadata: { name: "a" }, spec: {} }, [
  ["spec.selectors", [{}], "Required spec.selectors[0].cel"],
  ["spec.config", [{}], "Required spec.config[0].opaque"],
]);

const claim: JsonObject = {
  metadata: { name: "a", namespace: "n" },
  spec: {
    devices: {
      requests: [{ name: "r", exactly: { deviceClassName: "c" } }],
      constraints: [{ requests: ["r"], matchAttribute: "a/b" }],
    },
  },
};
const first = "spec.devices.requests[0]";
testFaults(group, "resourceclaims", claim, [
  ["spec.devices.requests.0", { name: "r" }, `Required ${first} ~ exactly one of`],
  [
    "spec.devices.requests.0.exactly.deviceClassName",
    "",
    `Required ${first}.exactly.deviceClassName`,
  ],
  [
    "spec.devices.requests.0.exactly.allocationMode",
    "x",
    `NotSupported ${first}.exactly.allocationMode`,
  ],
  [
    "spec.devices.requests.0.exactly.count",
    -1,
    `Invalid ${first}.exactly.count ~ must be greater than zero`,
  ],
  [
    "spec.devices.requests.1",
    { name: "r", exactly: { deviceClassName: "c" } },
    "Duplicate spec.devices.requests[1]",
  ],
  ["spec.devices.constraints.0.requests", ["x"], "Invalid spec.devices.constraints[0].requests[0]"],
]);
testUpdateFaults(group, "resourceclaims", claim, [
  ["spec.devices.requests.0.name", "s", "Invalid spec ~ field is immutable"],
]);

test("a claim is reserved only when it is allocated", () => {
  const claims = strategyFor(group, "resourceclaims");
  const reservedFor = [{ resource: "pods", name: "p", uid: "1" }];
  const next = { ...claim, status: { reservedFor } };
  assert.equal(claims.validateStatusUpdate(next, claim)[0]?.field, "status.reservedFor");
  const allocated = { ...claim, status: { reservedFor, allocation: {} } };
  assert.deepEqual(claims.validateStatusUpdate(allocated, claim), []);
  assert.deepEqual(claims.cells(allocated, 0), ["a", "allocated,reserved", "<unknown>"]);
  assert.deepEqual(claims.cells(claim, 0), ["a", "pending", "<unknown>"]);
});

const slice: JsonObject = {
  metadata: { name: "a" },
  spec: {
    driver: "d.e",
    nodeName: "n",
    pool: { name: "p", generation: 1, resourceSliceCount: 1 },
    devices: [{ name: "x" }],
  },
};
testFaults(group, "resourceslices", slice, [
  ["spec.driver", "", "Required spec.driver"],
  ["spec.pool.name", "", "Required spec.pool.name"],
  ["spec.pool.resourceSliceCount", 0, "Invalid spec.pool.resourceSliceCount"],
  ["spec.nodeName", undefined, "Required spec ~ exactly one of"],
  ["spec.allNodes", true, "Invalid spec ~ exactly one of"],
  ["spec.devices.1", { name: "x" }, "Duplicate spec.devices[1]"],
  ["spec.devices.0.taints", [{ key: "k" }], "Required spec.devices[0].taints[0].effect"],
]);
testUpdateFaults(group, "resourceslices", slice, [
  ["spec.devices", [], ""],
  ["spec.nodeName", "m", "Invalid spec.nodeName ~ field is immutable"],
]);
