import assert from "node:assert/strict";
import { test } from "node:test";
import type { ResourceQuota, ResourceQuotaSpec, ResourceQuotaStatus } from "#api/gen/types.ts";
import type { KubernetesObject } from "#api/object.ts";
import { measureOf } from "#api/quota/measures.ts";
import { isSettled, planQuota, waitBeforeCounting, type Content } from "./plan.ts";

function content(group: string, plural: string, objects: readonly KubernetesObject[]): Content {
  const measure = measureOf({ group, plural });
  assert.ok(measure !== undefined);
  return { measure, objects };
}

function pod(cpu: string, more: object = {}, status: object = {}): KubernetesObject {
  const spec = { containers: [{ name: "c", resources: { requests: { cpu } } }], ...more };
  const object = { metadata: { name: "p" }, spec, status };
  return object;
}

function quota(spec: ResourceQuotaSpec, status?: ResourceQuotaStatus): ResourceQuota {
  return { metadata: { name: "q" }, spec, ...(status === undefined ? {} : { status }) };
}

const three = content("", "pods", [
  pod("1"),
  pod("500m", { activeDeadlineSeconds: 9 }),
  pod("2", {}, { phase: "Succeeded" }),
]);
const maps = content("", "configmaps", [{}, {}]);

const cases: [what: string, quota: ResourceQuota, contents: Content[], want: unknown][] = [
  [
    "a new quota",
    quota({ hard: { pods: "10", "requests.cpu": "4", "count/pods": "9", configmaps: "5" } }),
    [three, maps],
    { pods: "2", "requests.cpu": "1500m", "count/pods": "3", configmaps: "2" },
  ],
  ["nothing there", quota({ hard: { pods: "1" } }), [content("", "pods", [])], { pods: "0" }],
  [
    "only what is in its scope",
    quota({ hard: { pods: "10", "requests.cpu": "4" }, scopes: ["Terminating"] }),
    [three],
    { pods: "1", "requests.cpu": "500m" },
  ],
  [
    "what is right stays",
    quota({ hard: { configmaps: "5" } }, { hard: { configmaps: "5" }, used: { configmaps: "2" } }),
    [maps],
    undefined,
  ],
  [
    "equal amounts are right, however written",
    quota(
      { hard: { "requests.cpu": "2" } },
      { hard: { "requests.cpu": "2000m" }, used: { "requests.cpu": "1.5" } },
    ),
    [three],
    undefined,
  ],
  [
    "another limit",
    quota({ hard: { configmaps: "6" } }, { hard: { configmaps: "5" }, used: { configmaps: "2" } }),
    [maps],
    { configmaps: "2" },
  ],
  [
    "a limit that is gone is counted no more",
    quota(
      { hard: { configmaps: "5" } },
      { hard: { configmaps: "5", pods: "1" }, used: { configmaps: "2", pods: "1" } },
    ),
    [maps, three],
    { configmaps: "2" },
  ],
  [
    "what no kind is known for stays",
    quota(
      { hard: { "count/x.y": "5", configmaps: "5" } },
      { hard: { "count/x.y": "5", configmaps: "5" }, used: { "count/x.y": "3", configmaps: "9" } },
    ),
    [maps],
    { "count/x.y": "3", configmaps: "2" },
  ],
];

for (const [what, given, contents, want] of cases) {
  test(`planQuota: ${what} -> ${JSON.stringify(want)}`, () => {
    const status = planQuota(given, contents, 0);
    assert.deepEqual(status?.used, want);
    if (status !== undefined) assert.deepEqual(status.hard, given.spec?.hard);
  });
}

test("isSettled: the status is about what the spec says", () => {
  const hard = { pods: "5" };
  assert.equal(isSettled(quota({ hard }, { hard: { pods: "5" } })), true);
  assert.equal(isSettled(quota({ hard }, { hard: { pods: "4" } })), false);
  assert.equal(isSettled(quota({ hard })), false);
});

const waits: [changed: number | undefined, waiting: number, now: number, want: number][] = [
  [undefined, 1_000, 1_000, 0],
  [500, 1_000, 1_000, 0],
  [900, 1_000, 1_000, 100],
  [1_000, 1_000, 1_000, 200],
  [10_990, 1_000, 10_990, 10],
  [12_000, 1_000, 12_000, 0],
];

for (const [changed, waiting, now, want] of waits) {
  test(`waitBeforeCounting: changed ${changed}, waiting since ${waiting}, now ${now} -> ${want}`, () => {
    assert.equal(waitBeforeCounting(changed, waiting, now), want);
  });
}
