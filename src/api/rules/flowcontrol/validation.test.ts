import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "#api/object.ts";
import { defaulted, strategyFor, testFaults } from "#testing/kind-table.ts";

const group = "flowcontrol.apiserver.k8s.io";
const rule = {
  subjects: [{ kind: "User", user: { name: "u" } }],
  resourceRules: [{ verbs: ["get"], apiGroups: [""], resources: ["pods"], namespaces: ["*"] }],
};
const schema: JsonObject = {
  metadata: { name: "a" },
  spec: { priorityLevelConfiguration: { name: "p" }, rules: [rule] },
};

const first = "spec.rules[0]";
testFaults(group, "flowschemas", schema, [
  [
    "spec.matchingPrecedence",
    10_001,
    "Invalid spec.matchingPrecedence ~ must not be greater than 10000",
  ],
  [
    "spec.matchingPrecedence",
    1,
    "Invalid spec.matchingPrecedence ~ only the schema named 'exempt' may have matchingPrecedence 1",
  ],
  ["spec.priorityLevelConfiguration", {}, "Required spec.priorityLevelConfiguration.name"],
  ["spec.distinguisherMethod", { type: "x" }, "NotSupported spec.distinguisherMethod.type"],
  ["spec.rules.0.subjects", [], `Required ${first}.subjects`],
  ["spec.rules.0.subjects.0.kind", "x", `NotSupported ${first}.subjects[0].kind`],
  [
    "spec.rules.0.subjects.0.kind",
    "Group",
    `Required ${first}.subjects[0].group ; Forbidden ${first}.subjects[0].user`,
  ],
  ["spec.rules.0.resourceRules", [], `Required ${first} ~ at least one of resourceRules`],
  ["spec.rules.0.resourceRules.0.verbs", ["x"], `NotSupported ${first}.resourceRules[0].verbs`],
  ["spec.rules.0.resourceRules.0.namespaces", [], `Required ${first}.resourceRules[0].namespaces`],
  [
    "spec.rules.0.nonResourceRules",
    [{ verbs: ["*"], nonResourceURLs: ["/a*"] }],
    `Invalid ${first}.nonResourceRules[0].nonResourceURLs[0] ~ wildcard can only do suffix matching`,
  ],
]);

const level: JsonObject = {
  metadata: { name: "a" },
  spec: { type: "Limited", limited: { limitResponse: { type: "Queue", queuing: {} } } },
};
const response = "spec.limited.limitResponse";
testFaults(group, "prioritylevelconfigurations", level, [
  ["spec.type", "Exempt", "Invalid spec.type ; Forbidden spec.limited"],
  ["spec.limited", undefined, "Required spec.limited ~ must not be empty when type is Limited"],
  ["spec.limited.lendablePercent", 101, "Invalid spec.limited.lendablePercent"],
  ["spec.limited.limitResponse.type", "Reject", `Forbidden ${response}.queuing`],
  ["spec.limited.limitResponse.queuing", undefined, `Required ${response}.queuing`],
  [
    "spec.limited.limitResponse.queuing.handSize",
    65,
    `Invalid ${response}.queuing.handSize ~ should not be greater than queues (64)`,
  ],
]);

test("columns of flow control", () => {
  const schemas = strategyFor(group, "flowschemas");
  const schemaCells = schemas.cells(defaulted(schemas, schema), 0);
  assert.deepEqual(schemaCells, ["a", "p", 1000, "<none>", "<unknown>", "?"]);
  const levels = strategyFor(group, "prioritylevelconfigurations");
  const levelCells = levels.cells(defaulted(levels, level), 0);
  assert.deepEqual(levelCells, ["a", "Limited", 30, 64, 8, 50, "<unknown>"]);
});
