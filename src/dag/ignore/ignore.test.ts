import assert from "node:assert/strict";
import { test } from "node:test";
import { readCases } from "#testing/case-table.ts";
import { ignoreRules, type IgnoreSyntax } from "./ignore.ts";

interface Case {
  readonly syntax: IgnoreSyntax;
  /** Lines by folder. */
  readonly ignores: Readonly<Record<string, readonly string[]>>;
  /** Of the files below, those that are left out. */
  readonly ignored: readonly string[];
}

const files = [
  "_private.ts",
  "a.test.ts",
  "a.ts",
  "b.ts",
  "docs/readme.md",
  "etl/customers.ts",
  "etl/old/orders.ts",
  "etl/old/v1/run.ts",
  "etl/orders.ts",
  "etl/test/t.ts",
  "file1.ts",
  "file2.ts",
  "fileA.ts",
  "lib/deep/x.ts",
  "lib/deep/y.ts",
  "lib/x.ts",
  "test/t.ts",
  "x y.ts",
];

/** A file is left out with a folder above it. */
function ignoredFiles(it: Case): string[] {
  const sources = Object.entries(it.ignores)
    .map(([folder, lines]) => ({ folder, text: lines.join("\n") }))
    .sort((a, b) => a.folder.length - b.folder.length);
  const ignores = ignoreRules(sources, it.syntax);
  return files.filter((path) => {
    const parts = path.split("/");
    const folders = parts.slice(0, -1).map((_, at) => parts.slice(0, at + 1).join("/"));
    return folders.some((folder) => ignores(folder, true)) || ignores(path, false);
  });
}

test("ignoreRules: leaves out what Airflow does, in both syntaxes", () => {
  const cases = readCases(new URL("./cases/ignore.json", import.meta.url), 80) as readonly Case[];
  const wrong = cases.flatMap((it) => {
    const got = ignoredFiles(it);
    return JSON.stringify(got) === JSON.stringify(it.ignored.toSorted()) ? [] : [{ ...it, got }];
  });
  assert.deepEqual(wrong, []);
});

test("ignoreRules: a bad regular expression is named with its line", () => {
  const bad = [{ folder: "etl", text: "fine\n(" }];
  assert.throws(() => ignoreRules(bad, "regexp"), /etl\/\.airflowignore:2: bad regular expression/);
});
