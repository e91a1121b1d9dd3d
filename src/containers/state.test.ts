import assert from "node:assert/strict";
import { test } from "node:test";
import type { ContainerState as WireState, Pod } from "#api/gen/types.ts";
import {
  containerStateOf,
  healthState,
  startFault,
  statusText,
  type ContainerState,
} from "./state.ts";

const finishedAt = "2026-01-01T00:00:00Z";
const now = Date.parse(finishedAt) + 5_000;

function pod(phase: string, state: WireState, more: Partial<Pod["spec"]> = {}): Pod {
  return {
    metadata: { creationTimestamp: finishedAt },
    spec: { containers: [{ name: "c" }], restartPolicy: "Never", ...more },
    status: { phase, containerStatuses: [statusOf(state)] },
  };
}

function statusOf(
  state: WireState,
): NonNullable<NonNullable<Pod["status"]>["containerStatuses"]>[number] {
  return { name: "c", image: "", imageID: "", ready: true, restartCount: 0, started: true, state };
}

function ended(exitCode: number, message?: string): WireState {
  const reason = message === undefined ? "Error" : "StartError";
  return { terminated: { exitCode, finishedAt, reason, message } };
}

const always = { restartPolicy: "Always" };
const noFile = 'exec: "nope": executable file not found in $PATH';
const states: [given: Pod, want: ContainerState, text: string][] = [
  [pod("Pending", {}), { kind: "created", reason: "" }, "Created"],
  [
    pod("Pending", { waiting: { reason: "ErrImagePull" } }),
    { kind: "created", reason: "ErrImagePull" },
    "Created (ErrImagePull)",
  ],
  [
    pod("Running", { running: { startedAt: finishedAt } }),
    { kind: "running", startedAt: finishedAt },
    "Up 5 seconds",
  ],
  [pod("Succeeded", ended(0)), { kind: "exited", code: 0, finishedAt }, "Exited (0) 5 seconds ago"],
  // The container's end is known before the pod's.
  [pod("Running", ended(3)), { kind: "exited", code: 3, finishedAt }, "Exited (3) 5 seconds ago"],
  [
    pod("Running", ended(1), always),
    { kind: "restarting", code: 1, finishedAt },
    "Restarting (1) 5 seconds ago",
  ],
  [
    pod("Failed", ended(143), always),
    { kind: "exited", code: 143, finishedAt },
    "Exited (143) 5 seconds ago",
  ],
  [pod("Failed", {}), { kind: "exited", code: 137, finishedAt }, "Exited (137) 5 seconds ago"],
  [
    pod("Failed", ended(128, noFile)),
    { kind: "failed", code: 127, message: noFile },
    "Created (127)",
  ],
  [
    pod("Failed", ended(128, 'exec: "/etc": permission denied')),
    { kind: "failed", code: 126, message: 'exec: "/etc": permission denied' },
    "Created (126)",
  ],
  [
    pod("Failed", ended(128, "no space left on device")),
    { kind: "failed", code: 125, message: "no space left on device" },
    "Created (125)",
  ],
];

for (const [given, want, text] of states) {
  test(`containerStateOf: ${given.status?.phase ?? ""} is ${text}`, () => {
    assert.deepEqual(containerStateOf(given), want);
    assert.equal(statusText(given, now), text);
  });
}

test("startFault: what waiting does not mend", () => {
  const pull = pod("Pending", { waiting: { reason: "ErrImagePull", message: "not found" } });
  assert.equal(startFault(pull), "ErrImagePull: not found");
  const refused = { phase: "Failed", reason: "SysctlForbidden", message: "not allowed" };
  assert.equal(startFault({ status: refused }), "SysctlForbidden: not allowed");
  assert.equal(startFault(pod("Pending", { waiting: { reason: "ContainerCreating" } })), undefined);
  const condition = (message: string): Pod => ({
    ...pod(
      "Pending",
      {},
      { containers: [{ name: "c", ports: [{ containerPort: 80, hostPort: 8_080 }] }] },
    ),
    status: {
      conditions: [{ type: "PodScheduled", status: "False", reason: "Unschedulable", message }],
    },
  });
  const taken = condition("0/1 nodes are available: 1 node(s) didn't have free ports");
  assert.match(startFault(taken) ?? "", /0\.0\.0\.0:8080\/TCP failed: port is already allocated/);
  assert.equal(startFault(condition("0/1 nodes are available: 1 Insufficient cpu")), undefined);
});

test("healthState: with a check only", () => {
  const running: WireState = { running: { startedAt: finishedAt } };
  assert.equal(healthState(pod("Running", running)), undefined);
  const checked = pod("Running", running, { containers: [{ name: "c", readinessProbe: {} }] });
  assert.equal(healthState(checked), "healthy");
  assert.equal(statusText(checked, now), "Up 5 seconds (healthy)");
});
