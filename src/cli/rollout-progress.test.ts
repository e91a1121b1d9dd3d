import assert from "node:assert/strict";
import { test } from "node:test";
import type { DeploymentStatus, ReplicaSet } from "#api/gen/types.ts";
import { progressOf, templateToReturnTo } from "./rollout-progress.ts";

const done: DeploymentStatus = {
  observedGeneration: 2,
  replicas: 3,
  updatedReplicas: 3,
  availableReplicas: 3,
};

const cases: [status: DeploymentStatus, want: RegExp][] = [
  [{}, /^waiting Waiting for deployment spec update/],
  [{ ...done, updatedReplicas: 1 }, /^waiting .* 1 out of 3 new replicas have been updated/],
  [{ ...done, replicas: 4 }, /^waiting .* 1 old replicas are pending termination/],
  [{ ...done, availableReplicas: 2 }, /^waiting .* 2 of 3 updated replicas are available/],
  [done, /^complete deployment "web" successfully rolled out/],
  [
    {
      ...done,
      conditions: [{ type: "Progressing", status: "False", reason: "ProgressDeadlineExceeded" }],
    },
    /^failed deployment "web" exceeded its progress deadline/,
  ],
];

for (const [status, want] of cases) {
  test(`progressOf: ${String(want)}`, () => {
    const spec = { replicas: 3, selector: {}, template: {} };
    const progress = progressOf({ metadata: { name: "web", generation: 2 }, spec, status });
    assert.match(`${progress.kind} ${progress.message}`, want);
  });
}

function revision(number: number): ReplicaSet {
  const labels = { app: "web", "pod-template-hash": `h${number}` };
  return {
    metadata: { name: `web-${number}`, generation: number },
    spec: { selector: {}, template: { metadata: { labels } } },
  };
}

test("templateToReturnTo: the one before the newest, or the one asked for; without the hash", () => {
  const revisions = [revision(1), revision(2), revision(3)];
  const numberOf = (it: ReplicaSet): number => it.metadata?.generation ?? 0;
  assert.deepEqual(templateToReturnTo(revisions, numberOf, 0), {
    metadata: { labels: { app: "web" } },
  });
  assert.throws(() => templateToReturnTo(revisions, numberOf, 9), /no revision 9/);
  assert.throws(() => templateToReturnTo([revision(1)], numberOf, 0), /no rollout history found/);
});
