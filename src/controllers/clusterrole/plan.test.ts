import assert from "node:assert/strict";
import { test } from "node:test";
import type { ClusterRole, PolicyRule } from "#api/gen/types.ts";
import { aggregatedRules } from "./plan.ts";

function role(name: string, verbs: string[], labels: Record<string, string> = {}): ClusterRole {
  return { metadata: { name, labels }, rules: verbs.map(rule) };
}

function rule(verb: string): PolicyRule {
  return { apiGroups: [""], resources: ["pods"], verbs: [verb] };
}

const selected = { matchLabels: { "to-view": "true" } };
const view: ClusterRole = {
  metadata: { name: "view", labels: { "to-view": "true" } },
  aggregationRule: { clusterRoleSelectors: [selected] },
};
const others = [
  role("b", ["get", "list"], { "to-view": "true" }),
  role("a", ["watch", "get"], { "to-view": "true" }),
  role("c", ["delete"]),
];

test("aggregatedRules: all chosen rules, by role name, each once, never its own", () => {
  const want = ["watch", "get", "list"].map(rule);
  assert.deepEqual(aggregatedRules(view, [...others, view]), want);
  assert.equal(aggregatedRules({ ...view, rules: want }, others), undefined);
});

test("aggregatedRules: a plain role is left alone", () => {
  assert.equal(aggregatedRules(role("d", []), others), undefined);
});
