import assert from "node:assert/strict";
import { test } from "node:test";
import { readProgram } from "./program.ts";

const cases: [command: string[], want: string][] = [
  [["true"], ""],
  [["/bin/false"], "exit 1"],
  [["sleep", "5"], "sleep 5000"],
  [["sleep", "infinity"], "forever"],
  [["sh", "-c", "exit 3"], "exit 3"],
  [["sh", "-c", "echo hi there; echo oops >&2; exit 300"], "stdout hi there, stderr oops, exit 44"],
  [["sh", "-c", "echo 'a  b' && sleep 0.5"], "stdout a  b, sleep 500"],
  [["sh", "-c", "while true; do date; done"], "forever"],
  [["cat"], "copy-stdin"],
  [["sh"], "copy-stdin"],
  [["nginx", "-g", "daemon off;"], "forever"],
  [[], "forever"],
];

for (const [command, want] of cases) {
  test(`readProgram: ${JSON.stringify(command)} -> ${want}`, () => {
    const steps = readProgram(command, "forever").map((it) => {
      if (it.kind === "print") return `${it.stream} ${it.text.trimEnd()}`;
      if (it.kind === "sleep") return `sleep ${it.ms}`;
      return it.kind === "exit" ? `exit ${it.code}` : it.kind;
    });
    assert.equal(steps.join(", "), want);
  });
}

test("readProgram: an unknown command in an exec succeeds silently", () => {
  assert.deepEqual(readProgram(["cat", "/tmp/healthy"], "nothing"), []);
  assert.deepEqual(readProgram(["pg_isready"], "nothing"), []);
});
