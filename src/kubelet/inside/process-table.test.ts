import assert from "node:assert/strict";
import { test } from "node:test";
import { chooseProcesses } from "./process-table.ts";

const output = `UID          PID    PPID  CMD
root           1       0 /sbin/init splash
web         4242      17 sleep  10
web         4243      17 sh -c a b
`;

test("chooseProcesses: the lines of some processes, blanks and all", () => {
  assert.deepEqual(chooseProcesses(output, [4242, 4243, 7]), {
    Titles: ["UID", "PID", "PPID", "CMD"],
    Processes: [
      ["web", "4242", "17", "sleep 10"],
      ["web", "4243", "17", "sh -c a b"],
    ],
  });
});

test("chooseProcesses: without process ids nothing can be chosen", () => {
  assert.throws(() => chooseProcesses("CMD\nsh\n", [1]), /couldn't find PID field/);
});
