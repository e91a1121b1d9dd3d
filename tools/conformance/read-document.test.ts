import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { format } from "prettier";
import { renderDocument } from "./document.ts";
import { readDocument } from "./read-document.ts";
import type { TestResult } from "./report.ts";

const tests = [
  "[sig-apps] Job [a] | <b> should *run* [Conformance]",
  "[sig-apps] Job_c [Conformance]",
  "[sig-node] Pods a [Serial] [Conformance]",
  "[sig-node] Pods b [Conformance]",
];
const results: readonly TestResult[] = [
  { name: tests[0] ?? "", outcome: "passed", seconds: 12, message: "" },
  { name: tests[1] ?? "", outcome: "failed", seconds: 300, message: "timed out waiting" },
  { name: tests[2] ?? "", outcome: "skipped", seconds: 0, message: "not on this machine" },
];

test("readDocument: what was written into a document is read from it again", async () => {
  const text = renderDocument({
    release: "v1.36.4",
    machine: "2 CPUs",
    tests,
    results,
    wallSeconds: 7_380,
    reasons: [],
  });
  for (const it of [text, await format(text, { parser: "markdown", printWidth: 100 })]) {
    assert.deepEqual(readDocument(it, tests), { results, wallSeconds: 7_380 });
  }
});

test("readDocument: tests that are not there any more are left out", () => {
  const text =
    "# Conformance\n\n## sig-node\n\n| test | result | seconds |\n| Gone | passed | 4 |\n";
  assert.deepEqual(readDocument(text, tests), { results: [], wallSeconds: 0 });
});

test("readDocument: the project's own document", () => {
  const text = readFileSync(new URL("../../docs/conformance.md", import.meta.url), "utf8");
  const names = [...text.matchAll(/^## (sig-[a-z-]+)$([^#]*)/gm)].flatMap(
    ([, area = "", rows = ""]) =>
      [...rows.matchAll(/^\| (.+?) +\| (?:passed|failed|not run) /gm)].map(
        ([, name = ""]) => `[${area}] ${name.replaceAll("\\", "")} [Conformance]`,
      ),
  );
  const read = readDocument(text, names);
  const [, passed = ""] = /\*\*(\d+) of \d+ pass/.exec(text) ?? [];
  assert.equal(read.results.filter((it) => it.outcome === "passed").length, Number(passed));
});
