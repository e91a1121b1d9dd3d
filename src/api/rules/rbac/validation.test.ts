import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "#api/object.ts";
import { strategyFor, testDefaults, testFaults, testUpdateFaults } from "#testing/kind-table.ts";

const group = "rbac.authorization.k8s.io";
const metadata = { name: "a", namespace: "default" };
const rule = { verbs: ["get"], apiGroups: [""], resources: ["pods"] };

testFaults(group, "roles", { metadata, rules: [rule] }, [
  ["rules.0.verbs", [], "Required rules[0].verbs ~ verbs must contain at least one value"],
  ["rules.0.apiGroups", [], "Required rules[0].apiGroups"],
  ["rules.0.resources", [], "Required rules[0].resources"],
  [
    "rules.0",
    { verbs: ["get"], nonResourceURLs: ["/x"] },
    "Invalid rules[0].nonResourceURLs ~ namespaced rules cannot apply to non-resource URLs",
  ],
]);
testFaults(group, "clusterroles", { metadata: { name: "a" }, rules: [rule] }, [
  ["rules.0", { verbs: ["get"], nonResourceURLs: ["/x"] }, ""],
  ["rules.0.nonResourceURLs", ["/x"], "Invalid rules[0].nonResourceURLs"],
  ["aggregationRule", {}, "Required aggregationRule.clusterRoleSelectors"],
]);

const binding: JsonObject = {
  metadata,
  roleRef: { kind: "Role", name: "a" },
  subjects: [
    { kind: "User", name: "u" },
    { kind: "ServiceAccount", name: "s", namespace: "n" },
  ],
};
testFaults(group, "rolebindings", binding, [
  ["roleRef.kind", "x", "NotSupported roleRef.kind"],
  ["roleRef.name", "", "Required roleRef.name"],
  ["subjects.0.name", "", "Required subjects[0].name"],
  ["subjects.0.kind", "x", "NotSupported subjects[0].kind"],
  ["subjects.1.apiGroup", group, "NotSupported subjects[1].apiGroup"],
]);
testUpdateFaults(group, "rolebindings", binding, [
  ["subjects", [], ""],
  ["roleRef.name", "b", "Invalid roleRef ~ cannot change roleRef"],
]);
testFaults(
  group,
  "clusterrolebindings",
  { ...binding, roleRef: { kind: "ClusterRole", name: "a" } },
  [
    ["roleRef.kind", "Role", "NotSupported roleRef.kind"],
    ["subjects.1.namespace", "", "Required subjects[1].namespace"],
  ],
);

testDefaults(group, "rolebindings", binding, {
  "roleRef.apiGroup": group,
  "subjects.0.apiGroup": group,
  "subjects.1.apiGroup": undefined,
});

test("columns of a role binding", () => {
  const cells = strategyFor(group, "rolebindings").cells(binding, 0);
  assert.deepEqual(cells, ["a", "Role/a", "<unknown>", "u", "", "n/s"]);
});
