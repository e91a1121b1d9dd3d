import assert from "node:assert/strict";
import { test } from "node:test";
import { focusOn, phasesOf } from "./run.ts";

const phases: [tests: string[], want: string][] = [
  [["a", "b [Serial]", "c"], "3: a, c; 1: b [Serial]"],
  [["a"], "3: a"],
  [["b [Serial]"], "1: b [Serial]"],
  [[], ""],
];
for (const [tests, want] of phases) {
  test(`phasesOf: ${tests.join(", ")} -> ${want}`, () => {
    const found = phasesOf(tests, 3).map((it) => `${it.processes}: ${it.tests.join(", ")}`);
    assert.equal(found.join("; "), want);
  });
}

test("focusOn: names word by word", () => {
  const names = ["[sig-node] Pods (a|b) should cost $1.50 [Conformance]", "[sig-apps] Job *"];
  const focus = new RegExp(focusOn(names));
  for (const name of names) assert.match(`Kubernetes e2e suite ${name}`, focus);
  assert.doesNotMatch("[sig-node] Pods a should cost $1.50 [Conformance]", focus);
  assert.doesNotMatch(`${names[0]} more`, focus);
});
