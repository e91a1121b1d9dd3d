import assert from "node:assert/strict";
import { test } from "node:test";
import type { ContainerStatus, PodStatus } from "#api/gen/types.ts";
import { podProgress, type PodProgress } from "./pod-progress.ts";

function container(state: ContainerStatus["state"]): ContainerStatus {
  return { name: "base", image: "shop:1", imageID: "", ready: false, restartCount: 0, state };
}

const cases: readonly (readonly [what: string, status: PodStatus, want: PodProgress])[] = [
  ["new", {}, { kind: "waiting", reason: "no node has it yet" }],
  [
    "no room",
    {
      phase: "Pending",
      conditions: [
        {
          type: "PodScheduled",
          status: "False",
          reason: "Unschedulable",
          message: "0/1 nodes are available: 1 Insufficient cpu.",
        },
      ],
    },
    { kind: "waiting", reason: "Unschedulable: 0/1 nodes are available: 1 Insufficient cpu." },
  ],
  [
    "creating",
    {
      phase: "Pending",
      containerStatuses: [container({ waiting: { reason: "ContainerCreating" } })],
    },
    { kind: "waiting", reason: "ContainerCreating" },
  ],
  [
    "no image",
    {
      phase: "Pending",
      containerStatuses: [container({ waiting: { reason: "ErrImagePull", message: "no" } })],
    },
    { kind: "stuck", reason: "container base, image shop:1: ErrImagePull: no" },
  ],
  ["running", { phase: "Running" }, { kind: "running" }],
  ["done", { phase: "Succeeded" }, { kind: "succeeded" }],
  ["failed", { phase: "Failed" }, { kind: "failed", reason: "the pod failed" }],
  [
    "exit code",
    {
      phase: "Failed",
      containerStatuses: [
        container({ terminated: { exitCode: 3, reason: "Error", message: "lost it\n" } }),
      ],
    },
    { kind: "failed", reason: "container base ended with exit code 3: lost it" },
  ],
  [
    "out of memory, evicted",
    {
      phase: "Failed",
      reason: "Evicted",
      message: "memory is low",
      containerStatuses: [container({ terminated: { exitCode: 137, reason: "OOMKilled" } })],
    },
    {
      kind: "failed",
      reason: "Evicted: memory is low; container base ended with exit code 137 (OOMKilled)",
    },
  ],
];

for (const [what, status, want] of cases) {
  test(`podProgress: ${what}`, () => {
    assert.deepEqual(podProgress({ metadata: {}, status }), want);
  });
}
