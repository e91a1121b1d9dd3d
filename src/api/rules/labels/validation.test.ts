import assert from "node:assert/strict";
import { test } from "node:test";
import type { LabelSelector } from "#api/gen/types.ts";
import { Faults } from "#api/rules/faults.ts";
import { checkSelector, selectorMatches } from "./validation.ts";

const faults: [selector: LabelSelector, want: string][] = [
  [{ matchLabels: { app: "web" } }, ""],
  [{ matchLabels: { app: "a b" } }, "Invalid spec.selector.matchLabels"],
  [
    { matchExpressions: [{ key: "a", operator: "In" }] },
    "Required spec.selector.matchExpressions[0].values",
  ],
  [
    { matchExpressions: [{ key: "a", operator: "Exists", values: ["b"] }] },
    "Forbidden spec.selector.matchExpressions[0].values",
  ],
  [
    { matchExpressions: [{ key: "a", operator: "Is" }] },
    "Invalid spec.selector.matchExpressions[0].operator",
  ],
  [
    { matchExpressions: [{ key: "a b", operator: "Exists" }] },
    "Invalid spec.selector.matchExpressions[0].key",
  ],
  [
    { matchExpressions: [{ key: "a", operator: "In", values: ["c d"] }] },
    "Invalid spec.selector.matchExpressions[0].values[0]",
  ],
];

for (const [selector, want] of faults) {
  test(`checkSelector: ${JSON.stringify(selector)} -> ${want}`, () => {
    const at = new Faults();
    at.enter("spec");
    checkSelector("selector", selector, at);
    at.leave();
    const got = at.errors.map((it) => `${it.reason.replace("FieldValue", "")} ${it.field}`);
    assert.equal(got.join(" ; "), want);
  });
}

const matches: [selector: LabelSelector, labels: Record<string, string>, want: boolean][] = [
  [{}, {}, true],
  [{ matchLabels: { a: "b" } }, { a: "b", c: "d" }, true],
  [{ matchLabels: { a: "b" } }, { a: "c" }, false],
  [{ matchExpressions: [{ key: "a", operator: "In", values: ["b", "c"] }] }, { a: "c" }, true],
  [{ matchExpressions: [{ key: "a", operator: "In", values: ["b"] }] }, {}, false],
  [{ matchExpressions: [{ key: "a", operator: "NotIn", values: ["b"] }] }, {}, true],
  [{ matchExpressions: [{ key: "a", operator: "NotIn", values: ["b"] }] }, { a: "b" }, false],
  [{ matchExpressions: [{ key: "a", operator: "Exists" }] }, { a: "" }, true],
  [{ matchExpressions: [{ key: "a", operator: "DoesNotExist" }] }, { a: "" }, false],
];

for (const [selector, labels, want] of matches) {
  test(`selectorMatches: ${JSON.stringify(selector)} on ${JSON.stringify(labels)}`, () => {
    assert.equal(selectorMatches(selector, labels), want);
  });
}
