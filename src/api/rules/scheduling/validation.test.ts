import type { JsonObject } from "#api/object.ts";
import { testDefaults, testFaults, testUpdateFaults } from "#testing/kind-table.ts";

const lease: JsonObject = {
  metadata: { name: "a", namespace: "n" },
  spec: { holderIdentity: "x", leaseDurationSeconds: 15 },
};
testFaults("coordination.k8s.io", "leases", lease, [
  ["spec.leaseDurationSeconds", 0, "Invalid spec.leaseDurationSeconds ~ must be greater than 0"],
  ["spec.leaseTransitions", -1, "Invalid spec.leaseTransitions"],
  ["spec.strategy", "x", "NotSupported spec.strategy.strategy"],
  ["spec.preferredHolder", "x", "Forbidden spec.preferredHolder"],
]);

const priority: JsonObject = { metadata: { name: "a" }, value: 100 };
testFaults("scheduling.k8s.io", "priorityclasses", priority, [
  [
    "value",
    1_000_000_001,
    "Forbidden value ~ maximum allowed value of a user defined priority is 1000000000",
  ],
  ["metadata.name", "system-a", "Forbidden metadata.name ~ reserved for system use only"],
  ["preemptionPolicy", "x", "NotSupported preemptionPolicy"],
]);
testUpdateFaults("scheduling.k8s.io", "priorityclasses", priority, [
  ["description", "x", ""],
  ["value", 5, "Forbidden value ~ may not be changed in an update."],
]);
testDefaults("scheduling.k8s.io", "priorityclasses", priority, {
  preemptionPolicy: "PreemptLowerPriority",
});

const runtime: JsonObject = { metadata: { name: "a" }, handler: "runc" };
testFaults("node.k8s.io", "runtimeclasses", runtime, [
  ["handler", "", "Required handler"],
  ["handler", "A_b", "Invalid handler"],
  ["overhead", { podFixed: { cpu: "-1" } }, "Invalid overhead.limits[cpu]"],
]);
testUpdateFaults("node.k8s.io", "runtimeclasses", runtime, [
  ["handler", "kata", "Invalid handler ~ field is immutable"],
]);

const budget: JsonObject = {
  metadata: { name: "a", namespace: "n" },
  spec: { minAvailable: 1, selector: { matchLabels: { a: "b" } } },
};
testFaults("policy", "poddisruptionbudgets", budget, [
  ["spec.minAvailable", -1, "Invalid spec.minAvailable"],
  ["spec.minAvailable", "101%", "Invalid spec.minAvailable ~ must not be greater than 100%"],
  ["spec.maxUnavailable", 1, "Invalid spec ~ minAvailable and maxUnavailable cannot be both set"],
  ["spec.unhealthyPodEvictionPolicy", "x", "NotSupported spec.unhealthyPodEvictionPolicy"],
]);
