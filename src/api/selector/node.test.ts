import assert from "node:assert/strict";
import { test } from "node:test";
import type { NodeSelector, NodeSelectorTerm } from "#api/gen/types.ts";
import { matchesNodeSelector } from "./node.ts";

const node = { name: "n1", labels: { zone: "a", disks: "3" } };

function label(key: string, operator: string, ...values: readonly string[]): NodeSelectorTerm {
  return { matchExpressions: [{ key, operator, values }] };
}

const cases: [name: string, terms: readonly NodeSelectorTerm[] | undefined, want: boolean][] = [
  ["no selector", undefined, true],
  ["no terms", [], false],
  ["an empty term", [{}], false],
  ["a value that is listed", [label("zone", "In", "a", "b")], true],
  ["another value", [label("zone", "In", "b")], false],
  ["any of two terms", [label("zone", "In", "b"), label("zone", "Exists")], true],
  ["a larger number", [label("disks", "Gt", "2")], true],
  ["no smaller number", [label("disks", "Lt", "2")], false],
  ["a label that is absent", [label("gpu", "DoesNotExist")], true],
  ["its name", [{ matchFields: [{ key: "metadata.name", operator: "In", values: ["n1"] }] }], true],
  [
    "its name and a label that differs",
    [
      {
        matchFields: [{ key: "metadata.name", operator: "In", values: ["n1"] }],
        matchExpressions: [{ key: "zone", operator: "NotIn", values: ["a"] }],
      },
    ],
    false,
  ],
];
for (const [name, terms, want] of cases) {
  test(`matchesNodeSelector: ${name}`, () => {
    const selector: NodeSelector | undefined =
      terms === undefined ? undefined : { nodeSelectorTerms: terms };
    assert.equal(matchesNodeSelector(selector, node), want);
  });
}
