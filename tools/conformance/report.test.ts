import assert from "node:assert/strict";
import { test } from "node:test";
import { areaOf, mergeResults, parseReports, type TestResult } from "./report.ts";

function spec(fields: object): object {
  return { ContainerHierarchyTexts: ["[sig-node] Pods"], LeafNodeType: "It", ...fields };
}

const specs: [given: object, want: string][] = [
  [
    spec({ LeafNodeText: "run", State: "passed", RunTime: 2_600_000_000 }),
    "[sig-node] Pods run passed 3 ",
  ],
  [
    spec({ LeafNodeText: "run", State: "failed", Failure: { Message: "no" } }),
    "[sig-node] Pods run failed 0 no",
  ],
  [
    spec({ LeafNodeText: "run", State: "timedout", Failure: { Message: "late" } }),
    "[sig-node] Pods run failed 0 late",
  ],
  [
    spec({ LeafNodeText: "run", State: "panicked", Failure: { Message: "nil" } }),
    "[sig-node] Pods run failed 0 nil",
  ],
  [
    spec({ LeafNodeText: "run", State: "skipped", Failure: { Message: "needs 3 nodes" } }),
    "[sig-node] Pods run skipped 0 needs 3 nodes",
  ],
  [spec({ LeafNodeText: "run", State: "skipped" }), ""],
  [spec({ LeafNodeText: "run", State: "pending" }), ""],
  [{ LeafNodeType: "SynchronizedBeforeSuite", State: "passed" }, ""],
];
for (const [given, want] of specs) {
  test(`parseReports: ${JSON.stringify(given)} -> ${want}`, () => {
    const found = parseReports([{ SpecReports: [given] }]);
    const lines = found.map((it) => `${it.name} ${it.outcome} ${it.seconds} ${it.message}`);
    assert.equal(lines.join("\n"), want);
  });
}

test("parseReports: several reports, tests in the order of their names; a report without tests", () => {
  const of = (name: string): object => spec({ LeafNodeText: name, State: "passed" });
  const found = parseReports([{ SpecReports: [of("b"), of("c")] }, { SpecReports: [of("a")] }, {}]);
  assert.deepEqual(
    found.map((it) => it.name.at(-1)),
    ["a", "b", "c"],
  );
  assert.throws(() => parseReports({}), /no list/);
});

test("areaOf: the first word in brackets", () => {
  assert.equal(areaOf("[sig-api-machinery] Watchers should work"), "sig-api-machinery");
  assert.equal(areaOf("Watchers"), "");
});

test("mergeResults: a test's later result counts", () => {
  const result = (name: string, outcome: "passed" | "failed"): TestResult => {
    return { name, outcome, seconds: 1, message: "" };
  };
  const merged = mergeResults(
    [result("b", "failed"), result("a", "passed")],
    [result("b", "passed")],
  );
  assert.deepEqual(
    merged.map((it) => `${it.name} ${it.outcome}`),
    ["a passed", "b passed"],
  );
});
