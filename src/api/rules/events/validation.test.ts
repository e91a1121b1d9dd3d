import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "#api/object.ts";
import { strategyFor, testFaults, testUpdateFaults } from "#testing/kind-table.ts";

const core: JsonObject = {
  metadata: { name: "a", namespace: "n" },
  involvedObject: { kind: "Pod", name: "p", namespace: "n" },
  type: "Normal",
};
testFaults("", "events", core, [
  [
    "involvedObject.namespace",
    "other",
    "Invalid involvedObject.namespace ~ does not match event.namespace",
  ],
  [
    "eventTime",
    "2026-01-01T00:00:00.000000Z",
    "Required reportingComponent ; Invalid reportingComponent ; Invalid reportingComponent ; Required reportingInstance ; Required action ; Required reason",
  ],
]);

const event: JsonObject = {
  apiVersion: "events.k8s.io/v1",
  metadata: { name: "a", namespace: "n" },
  eventTime: "2026-01-01T00:00:00.000000Z",
  regarding: { kind: "Pod", name: "p", namespace: "n" },
  reportingController: "x/y",
  reportingInstance: "z",
  action: "Run",
  reason: "Ran",
  type: "Normal",
};
testFaults("events.k8s.io", "events", event, [
  ["type", "x", "Invalid type ~ has invalid value: x"],
  ["deprecatedCount", 3, "Invalid count ~ needs to be unset"],
  [
    "reportingController",
    "",
    "Required reportingController ; Invalid reportingController ; Invalid reportingController",
  ],
  ["series", { count: 1, lastObservedTime: "2026-01-01T00:00:00Z" }, "Invalid series.count"],
  ["reason", "x".repeat(129), "Invalid reason ~ can have at most 128 characters"],
]);
testUpdateFaults("events.k8s.io", "events", event, [
  ["series", { count: 2, lastObservedTime: "2026-01-01T00:00:00Z" }, ""],
  ["reason", "b", "Invalid reason ~ field is immutable"],
]);

test("columns of an event", () => {
  const object = {
    ...core,
    lastTimestamp: "2026-01-01T00:00:00Z",
    firstTimestamp: "2026-01-01T00:00:00Z",
    reason: "Started",
    message: "it runs ",
    source: { component: "kubelet", host: "node" },
    count: 3,
  };
  const cells = strategyFor("", "events").cells(object, Date.UTC(2026, 0, 1, 0, 5));
  assert.deepEqual(cells.slice(0, 5), ["5m", "Normal", "Started", "pod/p", ""]);
});
