import assert from "node:assert/strict";
import { test } from "node:test";
import type { Job, Pod } from "#api/gen/types.ts";
import { checkSucceeded, hasEnded, isFulfilled, isReplaced, startFault } from "./progress.ts";

function pod(phase: string, ready: boolean, extra: object = {}): Pod {
  const conditions = [{ type: "Ready", status: ready ? "True" : "False" }];
  return { metadata: { name: "p", ...extra }, status: { phase, conditions } };
}

const running = pod("Running", false);
const ready = pod("Running", true);
const leaving = pod("Running", true, { deletionTimestamp: "2026-01-01T00:00:00Z" });

const cases: readonly (readonly [
  condition: "service_started" | "service_healthy",
  pods: readonly Pod[],
  replicas: number,
  want: boolean,
])[] = [
  ["service_started", [], 1, false],
  ["service_started", [pod("Pending", false)], 1, false],
  ["service_started", [running], 1, true],
  ["service_started", [running], 2, false],
  ["service_started", [], 0, true],
  ["service_healthy", [running], 1, false],
  ["service_healthy", [ready], 1, true],
  ["service_healthy", [ready, running], 2, false],
  ["service_healthy", [leaving], 1, false],
];

for (const [condition, pods, replicas, want] of cases) {
  test(`isFulfilled: ${condition}, ${pods.length} pods of ${replicas}: ${want}`, () => {
    assert.equal(isFulfilled(condition, pods, replicas), want);
  });
}

function job(type: string): Job {
  return { metadata: {}, status: { conditions: [{ type, status: "True" }] } };
}

test("hasEnded: well or not, and not while it is suspended", () => {
  assert.equal(hasEnded(job("Complete")), true);
  assert.equal(hasEnded(job("Failed")), true);
  assert.equal(hasEnded(job("Suspended")), false);
  assert.equal(hasEnded({ metadata: {} }), false);
});

test("checkSucceeded: a failure is told with the exit code", () => {
  checkSucceeded("init", job("Complete"), []);
  const status = { name: "c", image: "", imageID: "", ready: false, restartCount: 0 };
  const ended: Pod = {
    metadata: {},
    status: { containerStatuses: [{ ...status, state: { terminated: { exitCode: 3 } } }] },
  };
  assert.throws(
    () => {
      checkSucceeded("init", job("Failed"), [ended]);
    },
    {
      message: `service "init" didn't complete successfully: exit 3`,
    },
  );
});

test("startFault: what no waiting mends", () => {
  const status = { name: "c", image: "", imageID: "", ready: false, restartCount: 0 };
  const waiting = (reason: string): Pod => ({
    metadata: {},
    status: { containerStatuses: [{ ...status, state: { waiting: { reason, message: "m" } } }] },
  });
  assert.equal(startFault([waiting("ContainerCreating")]), undefined);
  assert.equal(startFault([waiting("ErrImageNeverPull")]), "c: ErrImageNeverPull: m");
});

test("isReplaced: what has ended of a Deployment, not of a Job, nor what runs", () => {
  const owned = (phase: string, kind: string): Pod =>
    pod(phase, false, { ownerReferences: [{ apiVersion: "v1", kind, name: "o", uid: "u" }] });
  assert.equal(isReplaced(owned("Failed", "ReplicaSet")), true);
  assert.equal(isReplaced(owned("Failed", "Job")), false);
  assert.equal(isReplaced(owned("Running", "ReplicaSet")), false);
  assert.equal(isReplaced(pod("Failed", false)), false);
});
