import assert from "node:assert/strict";
import { test } from "node:test";
import type { Json, JsonObject } from "#api/object.ts";
import { strategyFor } from "#testing/kind-table.ts";

const now = Date.UTC(2026, 0, 1, 0, 5);
const metadata = { name: "a", creationTimestamp: "2026-01-01T00:00:00Z" };
const template = { spec: { containers: [{ name: "c", image: "nginx:1" }] } };
const selector = { matchLabels: { a: "b" } };

const cases: [group: string, plural: string, object: JsonObject, want: Json[]][] = [
  [
    "apps",
    "deployments",
    {
      spec: { replicas: 3, selector, template },
      status: { readyReplicas: 2, updatedReplicas: 3, availableReplicas: 1 },
    },
    ["a", "2/3", 3, 1, "5m", "c", "nginx:1", "a=b"],
  ],
  [
    "apps",
    "replicasets",
    { spec: { replicas: 3, selector, template }, status: { replicas: 2, readyReplicas: 1 } },
    ["a", 3, 2, 1, "5m", "c", "nginx:1", "a=b"],
  ],
  [
    "apps",
    "daemonsets",
    {
      spec: { selector, template: { spec: { ...template.spec, nodeSelector: { x: "y" } } } },
      status: {
        desiredNumberScheduled: 5,
        currentNumberScheduled: 4,
        numberReady: 3,
        updatedNumberScheduled: 2,
        numberAvailable: 1,
      },
    },
    ["a", 5, 4, 3, 2, 1, "x=y", "5m", "c", "nginx:1", "a=b"],
  ],
  [
    "apps",
    "statefulsets",
    { spec: { replicas: 3, selector, template }, status: { replicas: 3, readyReplicas: 2 } },
    ["a", "2/3", "5m", "c", "nginx:1"],
  ],
  [
    "",
    "replicationcontrollers",
    { spec: { replicas: 3, selector: { a: "b" }, template }, status: { replicas: 2 } },
    ["a", 3, 2, 0, "5m", "c", "nginx:1", "a=b"],
  ],
];

for (const [group, plural, object, want] of cases) {
  test(`columns of ${plural}`, () => {
    assert.deepEqual(strategyFor(group, plural).cells({ metadata, ...object }, now), want);
  });
}
