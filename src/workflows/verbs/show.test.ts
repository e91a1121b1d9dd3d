import assert from "node:assert/strict";
import { test } from "node:test";
import { dag } from "#dag/authoring/dag.ts";
import { group } from "#dag/authoring/draft.ts";
import { bash, empty } from "#dag/authoring/operators.ts";
import { chain } from "#dag/authoring/output.ts";
import { taskDot, taskLines, taskTree } from "./show.ts";

const { model } = dag("shop", {}, () => {
  const extract = bash("extract", { command: "true" });
  group("checks", () => {
    chain(extract, empty("a"), empty("b", { triggerRule: "all_done" }));
  });
});

test("show: tree, lines and dot of a DAG", () => {
  assert.equal(
    taskTree(model),
    "<Task(bash): extract>\n    <Task(empty): checks.a>\n        <Task(empty): checks.b>\n",
  );
  assert.equal(
    taskLines(model),
    "extract\nchecks.a  <- extract\nchecks.b  <- checks.a  (all_done)\n",
  );
  assert.equal(
    taskDot(model),
    `digraph "shop" {
  rankdir=LR;
  "extract" [label="extract" shape=box];
  subgraph "cluster_checks" {
    label="checks";
    "checks.a" [label="a" shape=box];
    "checks.b" [label="b" shape=box];
  }
  "extract" -> "checks.a";
  "checks.a" -> "checks.b";
}
`,
  );
});
