import assert from "node:assert/strict";
import { test } from "node:test";
import { FailError } from "#dag/authoring/context.ts";
import { failureText } from "./failure-text.ts";

const program = "file:///opt/gantry/dist/";
const ours = "    at execute (file:///opt/gantry/dist/chunk.js:1:2)";
const theirs = "    at file:///home/me/dags/shop.ts:7:9";
const nodes = "    at process.processTicksAndRejections (node:internal/process/task_queues:104:5)";

function thrown(error: Error, ...frames: readonly string[]): Error {
  error.stack = [`${error.name}: ${error.message}`, ...frames].join("\n");
  return error;
}

test("failureText: what is wrong, and where in the author's code", () => {
  const refused = new Error("connect ECONNREFUSED 127.0.0.1:1");
  const table: readonly (readonly [unknown, string])[] = [
    [thrown(new Error("boom"), theirs, ours, nodes), `Error: boom\n${theirs}`],
    [thrown(new FailError("exit code 3"), ours, nodes), "FailError: exit code 3"],
    [
      thrown(new TypeError("fetch failed", { cause: refused }), nodes, ours),
      "TypeError: fetch failed: connect ECONNREFUSED 127.0.0.1:1",
    ],
    [thrown(new TypeError("x is not a function"), ours), `TypeError: x is not a function\n${ours}`],
    [thrown(new Error("two\nlines"), theirs), `Error: two\nlines\n${theirs}`],
    ["a text", "a text"],
  ];
  for (const [error, want] of table) assert.equal(failureText(error, program), want);
});
