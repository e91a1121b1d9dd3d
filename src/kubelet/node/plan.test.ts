import assert from "node:assert/strict";
import { test } from "node:test";
import type { NodeStatus } from "#api/gen/types.ts";
import { shouldWriteStatus, showsConditions } from "./plan.ts";

const ready = { type: "Ready", status: "True", reason: "KubeletReady", message: "" };
const status: NodeStatus = {
  capacity: { cpu: "2" },
  conditions: [{ ...ready, lastHeartbeatTime: "1970-01-01T00:00:00Z" }],
  images: [{ names: ["a"], sizeBytes: 1 }],
};
const cases: [name: string, next: NodeStatus, nowMs: number, want: boolean][] = [
  ["nothing changed", status, 299_999, false],
  ["long ago", status, 300_000, true],
  [
    "only the heartbeat",
    { ...status, conditions: [{ ...ready, lastHeartbeatTime: "1970-01-01T00:00:10Z" }] },
    1,
    false,
  ],
  ["not ready", { ...status, conditions: [{ ...ready, status: "False" }] }, 1, true],
  ["capacity", { ...status, capacity: { cpu: "4" } }, 1, true],
  ["a new image", { ...status, images: [{ names: ["b"] }] }, 1, true],
];

for (const [name, next, nowMs, want] of cases) {
  test(`shouldWriteStatus: ${name} -> ${want}`, () => {
    assert.equal(shouldWriteStatus({ status, atMs: 0 }, next, nowMs), want);
  });
}

test("shouldWriteStatus: nothing written yet -> true", () => {
  assert.equal(shouldWriteStatus(undefined, status, 0), true);
});

const shown: [name: string, given: NodeStatus | undefined, want: boolean][] = [
  ["as written", status, true],
  ["taken for lost", { conditions: [{ ...ready, status: "Unknown" }] }, false],
  ["without conditions", {}, false],
  ["none", undefined, false],
];
for (const [name, given, want] of shown) {
  test(`showsConditions: ${name} -> ${want}`, () => {
    assert.equal(showsConditions(given, status), want);
  });
}
