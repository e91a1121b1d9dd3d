import assert from "node:assert/strict";
import { test } from "node:test";
import { parseRegistryReport, renderRegistryDocument } from "./registry-report.ts";

const xml = `<testsuites time="7.3" tests="3" disabled="2">
  <testsuite name="OCI Conformance Test" tests="3" failures="1" errors="0" skipped="1" disabled="2" time="7.3">
    <testcase name="OCI Conformance Test/ping" classname="" time="0.009" status="passed">
    <testcase name="OCI Conformance Test/tag list" classname="" time="0.1" status="failure">
  </testsuite>
</testsuites>`;

test("parseRegistryReport: counts, and what failed", () => {
  assert.deepEqual(parseRegistryReport("1.1", xml), {
    version: "1.1",
    tests: 3,
    failed: 1,
    skipped: 1,
    disabled: 2,
    failures: ["OCI Conformance Test/tag list"],
  });
  assert.throws(() => parseRegistryReport("1.1", "<html>"), /no test suite/);
});

test("renderRegistryDocument: a line for each version, and failures by name", () => {
  const text = renderRegistryDocument("0123456789abcdef", [parseRegistryReport("1.1", xml)]);
  assert.match(text, /commit 0123456789ab\)/);
  assert.match(text, /^\| 1\.1 \| 3 \| 1 \| 1 \| 1 \| 2 \|$/m);
  assert.match(text, /^- 1\.1: OCI Conformance Test\/tag list$/m);
});
