import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "#api/gen/types.ts";
import { takesRoom } from "./room.ts";

const cases: [what: string, shown: Pod | undefined, want: boolean][] = [
  ["gone", undefined, false],
  ["new", {}, true],
  ["running", { status: { phase: "Running" } }, true],
  [
    "being deleted",
    { metadata: { deletionTimestamp: "2026-01-01T00:00:00Z" }, status: { phase: "Running" } },
    true,
  ],
  ["ended", { status: { phase: "Succeeded" } }, false],
  ["ended badly", { status: { phase: "Failed" } }, false],
];

for (const [what, shown, want] of cases) {
  test(`a pod that is ${what} ${want ? "takes" : "leaves"} its room`, () => {
    assert.equal(takesRoom(shown), want);
  });
}
