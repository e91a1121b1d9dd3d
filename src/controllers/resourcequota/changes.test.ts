import assert from "node:assert/strict";
import { test } from "node:test";
import type { PersistentVolumeClaim, Pod, Service } from "#api/gen/types.ts";
import { claimFrees, isGone, podFrees, serviceFrees } from "./changes.ts";

const containers = [{ name: "c" }];
const pod: Pod = { spec: { containers } };

function running(cpu: string): Pod {
  const status = { name: "c", image: "i", imageID: "", ready: true, restartCount: 0 };
  return {
    ...pod,
    status: { containerStatuses: [{ ...status, resources: { requests: { cpu } } }] },
  };
}

const pods: [what: string, previous: Pod | undefined, current: Pod | undefined, want: boolean][] = [
  ["new", undefined, pod, false],
  ["gone", pod, undefined, true],
  ["labelled", pod, { ...pod, metadata: { labels: { a: "b" } } }, false],
  ["ended", pod, { ...pod, status: { phase: "Succeeded" } }, true],
  [
    "ended before",
    { ...pod, status: { phase: "Failed" } },
    { ...pod, status: { phase: "Failed" } },
    false,
  ],
  ["with a deadline now", pod, { spec: { containers, activeDeadlineSeconds: 1 } }, true],
  ["resized", running("1"), running("2"), true],
  ["not resized", running("1"), running("1"), false],
];

for (const [what, previous, current, want] of pods) {
  test(`podFrees: ${what} -> ${want}`, () => {
    assert.equal(podFrees({ key: "n/p", previous, current }, 0), want);
  });
}

test("serviceFrees: another type, or gone", () => {
  const of = (type: string): Service => ({ spec: { type } });
  const key = "n/s";
  assert.equal(serviceFrees({ key, previous: of("NodePort"), current: of("ClusterIP") }), true);
  assert.equal(serviceFrees({ key, previous: of("NodePort"), current: of("NodePort") }), false);
  assert.equal(serviceFrees({ key, previous: undefined, current: of("NodePort") }), false);
  assert.equal(serviceFrees({ key, previous: of("NodePort"), current: undefined }), true);
});

test("claimFrees: another allocation or class, or gone", () => {
  const of = (storage: string): PersistentVolumeClaim => ({
    status: { allocatedResources: { storage } },
  });
  const key = "n/c";
  assert.equal(claimFrees({ key, previous: of("1"), current: of("2") }), true);
  assert.equal(claimFrees({ key, previous: of("1"), current: of("1") }), false);
  assert.equal(
    claimFrees({ key, previous: {}, current: { spec: { volumeAttributesClassName: "x" } } }),
    true,
  );
  assert.equal(claimFrees({ key, previous: undefined, current: of("1") }), false);
  assert.equal(claimFrees({ key, previous: of("1"), current: undefined }), true);
});

test("isGone: only what is gone", () => {
  assert.equal(isGone({ key: "k", previous: {}, current: undefined }), true);
  assert.equal(isGone({ key: "k", previous: {}, current: {} }), false);
});
