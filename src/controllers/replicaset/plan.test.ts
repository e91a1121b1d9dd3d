import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Pod, ReplicaSet } from "#api/gen/types.ts";
import { formatTime } from "#api/time.ts";
import { replicationControllerKind } from "./kinds.ts";
import {
  burstMax,
  nextAvailableMs,
  planReplicas,
  replicaSetStatus,
  slowStartBatches,
} from "./plan.ts";

const now = Date.UTC(2026, 0, 1);

/**
 * `a` is a ready pod on node n; then attributes: `a node= phase=Pending unready ready=9 age=30
 * cost=-5 restarts=2 deleting done`. Times are in seconds ago.
 */
function pod(text: string): Pod {
  const [name = "", ...attributes] = text.split(" ");
  const map = new Map(attributes.map((it) => it.split("=") as [string, string | undefined]));
  const ago = (key: string, otherwise: number): string =>
    formatTime(now - Number(map.get(key) ?? otherwise) * 1_000);
  const cost = map.get("cost");
  return {
    metadata: {
      name,
      uid: name,
      labels: { app: "web" },
      creationTimestamp: ago("age", 1_000),
      ...(map.has("deleting") ? { deletionTimestamp: ago("deleting", 0) } : {}),
      ...(cost === undefined
        ? {}
        : { annotations: { "controller.kubernetes.io/pod-deletion-cost": cost } }),
    },
    spec: { nodeName: map.get("node") ?? "n", containers: [] },
    status: {
      phase: map.has("done") ? "Succeeded" : (map.get("phase") ?? "Running"),
      conditions: [
        {
          type: "Ready",
          status: map.has("unready") ? "False" : "True",
          lastTransitionTime: ago("ready", 1_000),
        },
      ],
      containerStatuses: [
        {
          name: "c",
          image: "",
          imageID: "",
          ready: true,
          restartCount: Number(map.get("restarts") ?? 0),
        },
      ],
    },
  };
}

function show(plan: ReturnType<typeof planReplicas>): string {
  switch (plan.kind) {
    case "none":
      return "";
    case "create":
      return `create ${plan.count}`;
    case "delete":
      return `delete ${plan.pods.map((it) => it.metadata?.name ?? "").join(" ")}`;
  }
}

const cases: [desired: number, pods: string, want: string][] = [
  [0, "", ""],
  [3, "", "create 3"],
  [3, "a; b deleting; c done", "create 2"],
  [1_000, "", `create ${burstMax}`],
  [1, "a; b deleting", ""],
  [1, "a; b node= phase=Pending unready", "delete b"],
  [1, "a phase=Pending; b unready", "delete a"],
  [1, "a; b unready", "delete b"],
  [1, "a; b cost=-5", "delete b"],
  [1, "a cost=5; b cost=7", "delete a"],
  [1, "a node=x; b; c", "delete b c"],
  [1, "a ready=900; b ready=10", "delete b"],
  [1, "a ready=900; b ready=901 restarts=1", "delete b"],
  [1, "a age=5000; b age=10", "delete b"],
  [1, "b ready=900; a ready=901", "delete a"],
];

for (const [desired, pods, want] of cases) {
  test(`planReplicas: ${desired} of [${pods}] -> [${want}]`, () => {
    const given = pods === "" ? [] : pods.split("; ").map(pod);
    const onNode = new Map<string, number>();
    for (const it of given) {
      const node = it.spec?.nodeName ?? "";
      onNode.set(node, (onNode.get(node) ?? 0) + 1);
    }
    assert.equal(show(planReplicas(desired, given, onNode, now)), want);
  });
}

test("planReplicas: applied again and again it arrives, within the burst, and then rests", () => {
  fc.assert(
    fc.property(fc.nat(2_000), fc.nat(2_000), (desired, present) => {
      let pods = Array.from({ length: present }, (_, i) => pod(`p${i}`));
      for (let round = 0; round <= Math.ceil(Math.abs(desired - present) / burstMax); round++) {
        const plan = planReplicas(desired, pods, new Map(), now);
        if (plan.kind === "create") {
          assert.ok(plan.count <= burstMax);
          for (let i = 0; i < plan.count; i++) pods.push(pod(`r${round}-${i}`));
        } else if (plan.kind === "delete") {
          assert.ok(plan.pods.length <= burstMax);
          const gone = new Set(plan.pods);
          pods = pods.filter((it) => !gone.has(it));
        }
      }
      assert.equal(pods.length, desired);
    }),
    { numRuns: 20 },
  );
});

test("slowStartBatches: double, and add up to the count", () => {
  assert.deepEqual(slowStartBatches(0), []);
  assert.deepEqual(slowStartBatches(10), [1, 2, 4, 3]);
  fc.assert(
    fc.property(fc.nat(burstMax), (count) => {
      assert.equal(
        slowStartBatches(count).reduce((a, b) => a + b, 0),
        count,
      );
    }),
  );
});

const replicaSet: ReplicaSet = {
  metadata: { name: "web", generation: 7 },
  spec: {
    replicas: 4,
    minReadySeconds: 30,
    selector: { matchLabels: { app: "web" } },
    template: { metadata: { labels: { app: "web" } } },
  },
};

test("replicaSetStatus: counts replicas, ready, available and terminating", () => {
  const pods = ["a", "b ready=10", "c unready", "d deleting", "e done"].map(pod);
  assert.deepEqual(replicaSetStatus(replicaSet, pods, undefined, now), {
    replicas: 3,
    fullyLabeledReplicas: 3,
    readyReplicas: 2,
    availableReplicas: 1,
    terminatingReplicas: 1,
    observedGeneration: 7,
  });
  assert.equal(nextAvailableMs(pods, 30, now), 20_000);
});

test("replicaSetStatus: a failure becomes a condition, and goes with it", () => {
  const failure = { reason: "FailedCreate", message: "quota" } as const;
  const failed = replicaSetStatus(replicaSet, [], failure, now);
  assert.deepEqual(failed.conditions, [
    {
      type: "ReplicaFailure",
      status: "True",
      lastTransitionTime: "2026-01-01T00:00:00Z",
      ...failure,
    },
  ]);
  const next = { ...replicaSet, status: failed };
  assert.deepEqual(replicaSetStatus(next, [], failure, now + 60_000).conditions, failed.conditions);
  assert.equal(replicaSetStatus(next, [], undefined, now).conditions, undefined);
});

test("replicationControllerKind: a map of labels is seen as a selector", () => {
  const selector = { app: "web" } as object;
  const view = replicationControllerKind.view({ spec: { replicas: 1, selector } });
  assert.deepEqual(view.spec?.selector, { matchLabels: { app: "web" } });
});
