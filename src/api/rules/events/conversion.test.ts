import assert from "node:assert/strict";
import { test } from "node:test";
import { toCoreV1, toEventsV1 } from "./conversion.ts";

const core = {
  apiVersion: "v1",
  kind: "Event",
  metadata: { name: "a" },
  involvedObject: { kind: "Pod", name: "p" },
  reason: "Started",
  message: "it runs",
  source: { component: "kubelet" },
  firstTimestamp: "2026-01-01T00:00:00Z",
  lastTimestamp: "2026-01-01T00:01:00Z",
  count: 2,
  type: "Normal",
  reportingComponent: "kubelet",
  reportingInstance: "node",
};

test("an event of the core group in the newer group, and back", () => {
  const event = toEventsV1(core);
  assert.deepEqual(event, {
    apiVersion: "events.k8s.io/v1",
    kind: "Event",
    metadata: { name: "a" },
    regarding: { kind: "Pod", name: "p" },
    reason: "Started",
    note: "it runs",
    deprecatedSource: { component: "kubelet" },
    deprecatedFirstTimestamp: "2026-01-01T00:00:00Z",
    deprecatedLastTimestamp: "2026-01-01T00:01:00Z",
    deprecatedCount: 2,
    type: "Normal",
    reportingController: "kubelet",
    reportingInstance: "node",
  });
  assert.deepEqual(toCoreV1(event), core);
});
