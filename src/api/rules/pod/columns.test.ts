import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "#api/object.ts";
import { strategyFor } from "#testing/kind-table.ts";

const pods = strategyFor("", "pods");
const now = Date.UTC(2026, 0, 1, 1);
const running = { name: "c", ready: true, restartCount: 0, state: { running: {} } };

function waiting(reason: string): JsonObject {
  return { name: "c", ready: false, restartCount: 0, state: { waiting: { reason } } };
}

function ended(exitCode: number, reason = ""): JsonObject {
  const terminated = { exitCode, ...(reason === "" ? {} : { reason }) };
  return { name: "c", ready: false, restartCount: 0, state: { terminated } };
}

const crashed = {
  ...waiting("CrashLoopBackOff"),
  restartCount: 3,
  lastState: { terminated: { exitCode: 1, finishedAt: "2026-01-01T00:55:00Z" } },
};

const ready = [{ type: "Ready", status: "True" }];

const cases: [what: string, pod: JsonObject, want: string][] = [
  ["new", { status: { phase: "Pending" } }, "0/1 Pending 0"],
  [
    "creating",
    { status: { phase: "Pending", containerStatuses: [waiting("ContainerCreating")] } },
    "0/1 ContainerCreating 0",
  ],
  [
    "image missing",
    { status: { phase: "Pending", containerStatuses: [waiting("ErrImagePull")] } },
    "0/1 ErrImagePull 0",
  ],
  ["running", { status: { phase: "Running", containerStatuses: [running] } }, "1/1 Running 0"],
  [
    "crashing",
    { status: { phase: "Running", containerStatuses: [crashed] } },
    "0/1 CrashLoopBackOff 3 (5m ago)",
  ],
  [
    "completed",
    { status: { phase: "Succeeded", containerStatuses: [ended(0, "Completed")] } },
    "0/1 Completed 0",
  ],
  [
    "one completed, one running",
    {
      spec: { containers: [{ name: "c" }, { name: "d" }] },
      status: {
        phase: "Running",
        conditions: ready,
        containerStatuses: [ended(0, "Completed"), { ...running, name: "d" }],
      },
    },
    "1/2 Running 0",
  ],
  [
    "failed without a reason",
    { status: { phase: "Failed", containerStatuses: [ended(2)] } },
    "0/1 ExitCode:2 0",
  ],
  ["evicted", { status: { phase: "Failed", reason: "Evicted" } }, "0/1 Evicted 0"],
  [
    "init waits",
    {
      spec: { initContainers: [{ name: "i" }, { name: "j" }], containers: [{ name: "c" }] },
      status: {
        phase: "Pending",
        initContainerStatuses: [ended(0), { name: "j", state: { running: {} }, restartCount: 0 }],
        containerStatuses: [waiting("PodInitializing")],
      },
    },
    "0/1 Init:1/2 0",
  ],
  [
    "init fails",
    {
      spec: { initContainers: [{ name: "c" }], containers: [{ name: "c" }] },
      status: { phase: "Pending", initContainerStatuses: [ended(1, "Error")] },
    },
    "0/1 Init:Error 0",
  ],
  [
    "init crashes",
    {
      spec: { initContainers: [{ name: "c" }], containers: [{ name: "c" }] },
      status: { phase: "Pending", initContainerStatuses: [crashed] },
    },
    "0/1 Init:CrashLoopBackOff 3 (5m ago)",
  ],
  [
    "sidecar",
    {
      spec: {
        initContainers: [{ name: "s", restartPolicy: "Always" }],
        containers: [{ name: "c" }],
      },
      status: {
        phase: "Running",
        initContainerStatuses: [{ ...running, name: "s", started: true }],
        containerStatuses: [running],
      },
    },
    "2/2 Running 0",
  ],
  [
    "gated",
    {
      status: {
        phase: "Pending",
        conditions: [{ type: "PodScheduled", status: "False", reason: "SchedulingGated" }],
      },
    },
    "0/1 SchedulingGated 0",
  ],
  [
    "terminating",
    {
      metadata: { name: "a", deletionTimestamp: "2026-01-01T00:00:00Z" },
      status: { phase: "Running", containerStatuses: [running] },
    },
    "1/1 Terminating 0",
  ],
  [
    "node lost",
    {
      metadata: { name: "a", deletionTimestamp: "2026-01-01T00:00:00Z" },
      status: { phase: "Running", reason: "NodeLost" },
    },
    "0/1 Unknown 0",
  ],
];

for (const [what, pod, want] of cases) {
  test(`pod columns: ${what} -> ${want}`, () => {
    const object = { metadata: { name: "a" }, spec: { containers: [{ name: "c" }] }, ...pod };
    const [, ...cells] = pods.cells(object, now).map(String);
    assert.equal(cells.slice(0, 3).join(" "), want);
  });
}

test("pod columns: all of them, one cell each", () => {
  const object = {
    metadata: { name: "a", creationTimestamp: "2026-01-01T00:00:00Z" },
    spec: {
      nodeName: "n",
      containers: [{ name: "c" }],
      readinessGates: [{ conditionType: "x" }, { conditionType: "Ready" }],
    },
    status: { phase: "Running", podIPs: [{ ip: "10.0.0.1" }], conditions: ready },
  };
  const header = pods.columns.map((it) => `${it.name}${it.priority === 1 ? "*" : ""}`).join(" ");
  const want = "Name Ready Status Restarts Age IP* Node* Nominated Node* Readiness Gates*";
  assert.equal(header, want);
  const cells = ["a", "0/1", "Running", "0", "60m", "10.0.0.1", "n", "<none>", "1/2"];
  assert.deepEqual(pods.cells(object, now), cells);
});
