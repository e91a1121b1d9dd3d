import assert from "node:assert/strict";
import { test } from "node:test";
import type { LimitRangeItem, PodSpec, ResourceRequirements } from "#api/gen/types.ts";
import type { Loose } from "#api/rules/rules.ts";
import { claimLimitFaults, joinFaults, podLimitFaults } from "./validation.ts";

type Item = Loose<LimitRangeItem>;
type Resources = Loose<ResourceRequirements>;

function one(resources: Resources): Loose<PodSpec> {
  return { containers: [{ name: "c", resources }] };
}

function both(request: string, limit: string): Resources {
  return { requests: { cpu: request }, limits: { cpu: limit } };
}

const pods: [what: string, item: Item, spec: Loose<PodSpec>, want: string[]][] = [
  [
    "in between",
    { type: "Container", min: { cpu: "100m" }, max: { cpu: "1" } },
    one(both("100m", "1")),
    [],
  ],
  [
    "no request",
    { type: "Container", min: { cpu: "100m" } },
    one({}),
    ["minimum cpu usage per Container is 100m.  No request is specified"],
  ],
  [
    "a request below",
    { type: "Container", min: { cpu: "100m" } },
    one(both("99m", "1")),
    ["minimum cpu usage per Container is 100m, but request is 99m"],
  ],
  [
    "a limit below",
    { type: "Container", min: { cpu: "100m" } },
    one(both("100m", "50m")),
    ["minimum cpu usage per Container is 100m, but limit is 50m"],
  ],
  [
    "no limit",
    { type: "Container", max: { cpu: "1" } },
    one({ requests: { cpu: "1" } }),
    ["maximum cpu usage per Container is 1.  No limit is specified"],
  ],
  [
    "a limit above",
    { type: "Container", max: { cpu: "1" } },
    one(both("1", "1100m")),
    ["maximum cpu usage per Container is 1, but limit is 1100m"],
  ],
  [
    "a request above",
    { type: "Container", max: { cpu: "1" } },
    one(both("2", "1")),
    ["maximum cpu usage per Container is 1, but request is 2"],
  ],
  [
    "a ratio that is kept",
    { type: "Container", maxLimitRequestRatio: { cpu: "1500m" } },
    one(both("100m", "150m")),
    [],
  ],
  [
    "a ratio that is not kept",
    { type: "Container", maxLimitRequestRatio: { cpu: "2" } },
    one(both("300m", "1")),
    ["cpu max limit to request ratio per Container is 2, but provided ratio is 3.333333"],
  ],
  [
    "a ratio of nothing",
    { type: "Container", maxLimitRequestRatio: { cpu: "2" } },
    one({ requests: { cpu: "0" } }),
    [
      "cpu max limit to request ratio per Container is 2, but no request is specified or request is 0",
    ],
  ],
  [
    "a ratio without a limit",
    { type: "Container", maxLimitRequestRatio: { cpu: "2" } },
    one({ requests: { cpu: "1" } }),
    ["cpu max limit to request ratio per Container is 2, but no limit is specified or limit is 0"],
  ],
  [
    "an init container",
    { type: "Container", max: { cpu: "1" } },
    { ...one(both("1", "1")), initContainers: [{ name: "i", resources: both("2", "2") }] },
    ["maximum cpu usage per Container is 1, but limit is 2"],
  ],
  [
    "the sum of a pod",
    { type: "Pod", max: { cpu: "1" } },
    { containers: [{ resources: both("1", "1") }, { resources: both("500m", "500m") }] },
    ["maximum cpu usage per Pod is 1, but limit is 1500m"],
  ],
  [
    "an init container that needs more than the others together",
    { type: "Pod", max: { cpu: "1" } },
    { ...one(both("1", "1")), initContainers: [{ name: "i", resources: both("2", "2") }] },
    ["maximum cpu usage per Pod is 1, but limit is 2"],
  ],
  [
    "what the pod says for all its containers",
    { type: "Pod", max: { cpu: "1" } },
    { ...one(both("2", "2")), resources: both("1", "1") },
    [],
  ],
  ["another type", { type: "PersistentVolumeClaim", min: { cpu: "1" } }, one({}), []],
];

for (const [what, item, spec, want] of pods) {
  test(`podLimitFaults: ${what} -> ${want.join(", ") || "none"}`, () => {
    assert.deepEqual(podLimitFaults({ spec: { limits: [item] } }, { spec }), want);
  });
}

const storage = { min: { storage: "1Gi" }, max: { storage: "2Gi" } };
const claims: [what: string, request: string | undefined, want: string[]][] = [
  ["in between", "1Gi", []],
  [
    "too small",
    "1Mi",
    ["minimum storage usage per PersistentVolumeClaim is 1Gi, but request is 1Mi"],
  ],
  [
    "too big",
    "3Gi",
    ["maximum storage usage per PersistentVolumeClaim is 2Gi, but request is 3Gi"],
  ],
  [
    "nothing",
    undefined,
    [
      "minimum storage usage per PersistentVolumeClaim is 1Gi.  No request is specified",
      "maximum storage usage per PersistentVolumeClaim is 2Gi.  No request is specified",
    ],
  ],
];

for (const [what, request, want] of claims) {
  test(`claimLimitFaults: ${what} -> ${want.join(", ") || "none"}`, () => {
    const range = { spec: { limits: [{ type: "PersistentVolumeClaim", ...storage }] } };
    const requests = request === undefined ? {} : { storage: request };
    assert.deepEqual(claimLimitFaults(range, { spec: { resources: { requests } } }), want);
  });
}

test("joinFaults: one as it is, several in brackets, each once", () => {
  assert.equal(joinFaults(["a"]), "a");
  assert.equal(joinFaults(["a", "a"]), "a");
  assert.equal(joinFaults(["a", "b", "a"]), "[a, b]");
});
