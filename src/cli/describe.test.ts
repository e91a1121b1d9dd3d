import assert from "node:assert/strict";
import { test } from "node:test";
import { formatEvents, readable } from "./describe.ts";

test("readable: managed fields are left out", () => {
  const object = { kind: "Pod", metadata: { name: "a", managedFields: [{}] } };
  assert.deepEqual(readable(object), { kind: "Pod", metadata: { name: "a" } });
});

test("formatEvents: age, count and source", () => {
  const event = {
    involvedObject: {},
    metadata: {},
    type: "Warning",
    reason: "BackOff",
    message: "again",
    count: 3,
    lastTimestamp: "2026-01-01T00:00:00Z",
    source: { component: "kubelet" },
  };
  const now = Date.UTC(2026, 0, 1, 0, 0, 30);
  const want =
    "events:\nTYPE      REASON    AGE        FROM      MESSAGE\nWarning   BackOff   30s (x3)   kubelet   again\n";
  assert.equal(formatEvents([event], now), want);
  assert.equal(formatEvents([], now), "events: none\n");
});
