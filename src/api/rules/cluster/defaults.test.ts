import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "#api/object.ts";
import { strategyFor, testDefaults, valueAt } from "#testing/kind-table.ts";

testDefaults(
  "",
  "namespaces",
  { metadata: { name: "a" } },
  { "metadata.labels": { "kubernetes.io/metadata.name": "a" }, "status.phase": "Active" },
);
testDefaults(
  "",
  "nodes",
  { metadata: { name: "a" }, status: { capacity: { cpu: "4", pods: "110" } } },
  { "status.allocatable": { cpu: "4", pods: "110" } },
);

test("a new namespace is active and waits for its content", () => {
  const object: JsonObject = { metadata: { name: "a" }, status: { phase: "Terminating" } };
  const strategy = strategyFor("", "namespaces");
  strategy.default(object);
  strategy.prepareForCreate(object, { now: "2026-01-01T00:00:00Z" });
  assert.deepEqual(valueAt(object, "spec.finalizers"), ["kubernetes"]);
  assert.equal(valueAt(object, "status.phase"), "Active");
});
