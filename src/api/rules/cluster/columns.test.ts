import assert from "node:assert/strict";
import { test } from "node:test";
import { strategyFor } from "#testing/kind-table.ts";

const now = Date.UTC(2026, 0, 1, 0, 5);

test("columns of a node", () => {
  const node = {
    metadata: {
      name: "a",
      creationTimestamp: "2026-01-01T00:00:00Z",
      labels: { "node-role.kubernetes.io/worker": "", "kubernetes.io/role": "etcd" },
    },
    spec: { unschedulable: true },
    status: {
      conditions: [{ type: "Ready", status: "False" }],
      addresses: [{ type: "InternalIP", address: "10.0.0.1" }],
      nodeInfo: {
        kubeletVersion: "v1.36.4",
        osImage: "Linux",
        kernelVersion: "6.1",
        containerRuntimeVersion: "x://1",
      },
    },
  };
  assert.deepEqual(strategyFor("", "nodes").cells(node, now), [
    "a",
    "NotReady,SchedulingDisabled",
    "etcd,worker",
    "5m",
    "v1.36.4",
    "10.0.0.1",
    "<none>",
    "Linux",
    "6.1",
    "x://1",
  ]);
});

test("columns of a namespace", () => {
  const cells = strategyFor("", "namespaces").cells(
    { metadata: { name: "a" }, status: { phase: "Active" } },
    now,
  );
  assert.deepEqual(cells, ["a", "Active", "<unknown>"]);
});
