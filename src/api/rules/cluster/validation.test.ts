import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "#api/object.ts";
import { strategyFor, testFaults, testUpdateFaults } from "#testing/kind-table.ts";
import { prepareNamespaceFinalize, validateNamespaceFinalize } from "./validation.ts";

const namespace: JsonObject = { metadata: { name: "a" }, spec: { finalizers: ["kubernetes"] } };

testFaults("", "namespaces", namespace, [
  ["spec.finalizers", ["a b"], "Invalid spec.finalizers ; Invalid spec.finalizers"],
]);

test("a namespace that is being deleted is Terminating", () => {
  const strategy = strategyFor("", "namespaces");
  const next = { ...namespace, status: { phase: "Terminating" } };
  const [fault] = strategy.validateStatusUpdate(next, namespace);
  assert.equal(fault?.field, "status.Phase");
  assert.match(fault.message, /may only be 'Active' if `deletionTimestamp` is empty/);
});

test("finalize changes the spec and keeps the status", () => {
  const next: JsonObject = { metadata: { name: "a" }, spec: { finalizers: [] }, status: {} };
  prepareNamespaceFinalize(next, { ...namespace, status: { phase: "Terminating" } });
  assert.deepEqual(next["status"], { phase: "Terminating" });
  assert.deepEqual(validateNamespaceFinalize(next), []);
  const [fault] = validateNamespaceFinalize({ spec: { finalizers: ["x y"] } });
  assert.equal(fault?.field, "spec.finalizers[0]");
});

const node: JsonObject = {
  metadata: { name: "a" },
  spec: { podCIDRs: ["10.1.0.0/24"], providerID: "x://a" },
  status: { capacity: { cpu: "4" } },
};

testFaults("", "nodes", node, [
  ["spec.taints", [{ key: "a", effect: "x" }], "NotSupported metadata.taints[0].effect"],
  [
    "spec.taints",
    [
      { key: "a", effect: "NoSchedule" },
      { key: "a", effect: "NoSchedule" },
    ],
    "Duplicate metadata.taints[1]",
  ],
  ["spec.podCIDRs", ["x"], "Invalid spec.podCIDRs[0]"],
]);

testUpdateFaults("", "nodes", node, [
  ["spec.unschedulable", true, ""],
  ["spec.taints", [{ key: "a", effect: "NoExecute" }], ""],
  [
    "spec.podCIDRs",
    ["10.2.0.0/24"],
    "Forbidden spec.podCIDRs ~ node updates may not change podCIDR",
  ],
  ["spec.providerID", "x://b", "Forbidden spec.providerID"],
]);
