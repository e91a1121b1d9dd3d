import assert from "node:assert/strict";
import { test } from "node:test";
import { renderDocument } from "./document.ts";
import type { TestResult } from "./report.ts";

function result(name: string, outcome: TestResult["outcome"], message = ""): TestResult {
  return { name, outcome, seconds: 4, message };
}

test("renderDocument: counts by area, a reason for each test that does not pass, every test", () => {
  const text = renderDocument({
    release: "v1.36.4",
    machine: "2 CPUs",
    tests: [
      "[sig-node] Pods b [Conformance]",
      "[sig-node] Pods a [Conformance]",
      "[sig-apps] Job_c [Conformance]",
      "[sig-apps] Job d [Conformance]",
    ],
    results: [
      result("[sig-node] Pods a [Conformance]", "passed"),
      result("[sig-node] Pods b [Conformance]", "failed", "timed out\n  waiting for `x`"),
      result("[sig-apps] Job_c [Conformance]", "failed", "words that nobody reads"),
    ],
    wallSeconds: 4000,
    reasons: [{ tests: /Job_/, reason: "jobs are not there yet" }],
  });
  assert.equal(
    text,
    String.raw`# Conformance

The conformance tests of Kubernetes v1.36.4, built from its sources and run against
${"`gantry up --nodes 2`"} by ${"`npm run conformance`"}, which also writes this page. A test keeps its latest
result until it runs again.

**1 of 4 pass.** Tests ran for 1 h 7 min (2 CPUs).

| area | tests | passed | failed | skipped | not run |
| --- | --- | --- | --- | --- | --- |
| sig-apps | 2 | 0 | 1 | 0 | 1 |
| sig-node | 2 | 1 | 1 | 0 | 0 |
| **sum** | 4 | 1 | 2 | 0 | 1 |

## What fails, and why

- \[sig-node\] Pods b \[Conformance\]: ${"`timed out waiting for 'x'`"}
- \[sig-apps\] Job\_c \[Conformance\]: jobs are not there yet

## sig-apps

| test | result | seconds |
| --- | --- | --- |
| Job d | not run |  |
| Job\_c | failed | 4 |

## sig-node

| test | result | seconds |
| --- | --- | --- |
| Pods a | passed | 4 |
| Pods b | failed | 4 |
`,
  );
});
