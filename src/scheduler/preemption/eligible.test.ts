import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "#api/gen/types.ts";
import { ineligible } from "./eligible.ts";

function ending(reason: string | undefined): Pod {
  const conditions =
    reason === undefined ? [] : [{ type: "DisruptionTarget", status: "True", reason }];
  return { metadata: { deletionTimestamp: "2026-01-01T00:00:00Z" }, status: { conditions } };
}

const preempted = ending("PreemptionByScheduler");
const never = "not eligible due to preemptionPolicy=Never.";
const terminating = "not eligible due to a terminating pod on the nominated node.";

const cases: readonly {
  readonly name: string;
  readonly policy?: string;
  readonly isHopeful?: boolean;
  readonly lesserPods?: readonly Pod[];
  readonly want: string | undefined;
}[] = [
  { name: "any pod", want: undefined },
  { name: "one that must not", policy: "Never", want: never },
  { name: "one that waits for its victims", lesserPods: [preempted], want: terminating },
  {
    name: "its node will not do even without them",
    isHopeful: false,
    lesserPods: [preempted],
    want: undefined,
  },
  { name: "a pod that ends by itself", lesserPods: [ending(undefined)], want: undefined },
  { name: "a pod that is evicted", lesserPods: [ending("EvictionByEvictionAPI")], want: undefined },
  {
    name: "a victim that is not ending yet",
    lesserPods: [{ ...preempted, metadata: {} }],
    want: undefined,
  },
];

for (const { name, policy, isHopeful = true, lesserPods = [], want } of cases) {
  test(`ineligible: ${name}`, () => {
    const pod: Pod = { spec: { containers: [], preemptionPolicy: policy } };
    assert.equal(ineligible(pod, { isHopeful, lesserPods }), want);
  });
}
