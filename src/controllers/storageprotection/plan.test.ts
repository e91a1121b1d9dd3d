import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod, PodStatus } from "#api/gen/types.ts";
import type { Metadata } from "#api/object.ts";
import { claimOf, claimVolume, podWith, volumeOf } from "#testing/storage-fixtures.ts";
import { planFinalizers, podUsesClaim, usesAttributes } from "./plan.ts";

const deletionTimestamp = "2026-01-01T00:00:00Z";
const finalizers: [name: string, it: Metadata, used: boolean, want: string | undefined][] = [
  ["new", {}, false, "hold"],
  ["keeps others", { finalizers: ["x"] }, false, "x,hold"],
  ["held", { finalizers: ["hold"] }, false, undefined],
  ["ends, used", { finalizers: ["x", "hold"], deletionTimestamp }, true, undefined],
  ["ends, unused", { finalizers: ["x", "hold"], deletionTimestamp }, false, "x"],
  ["ends, not ours to hold", { finalizers: ["x"], deletionTimestamp }, false, undefined],
];
for (const [name, it, used, want] of finalizers) {
  test(`planFinalizers: ${name}`, () => {
    assert.equal(planFinalizers(it, "hold", () => used)?.join(), want);
  });
}

function onNode(pod: Pod, status: PodStatus = {}): Pod {
  const { containers = [], ...spec } = pod.spec ?? {};
  return { ...pod, spec: { ...spec, containers, nodeName: "n1" }, status };
}

const template = { volumeClaimTemplate: { spec: {} } };
const own = podWith([{ name: "x", ephemeral: template }], {
  metadata: { name: "p", uid: "uid-p" },
});
const owner = { apiVersion: "v1", kind: "Pod", name: "p", uid: "uid-p", controller: true };
const ownClaim = claimOf({}, { metadata: { name: "p-x", ownerReferences: [owner] } });
const uses: [name: string, used: boolean, want: boolean][] = [
  ["no node yet", podUsesClaim(podWith([claimVolume("c")]), claimOf()), false],
  ["on a node", podUsesClaim(onNode(podWith([claimVolume("c")])), claimOf()), true],
  ["another claim", podUsesClaim(onNode(podWith([claimVolume("d")])), claimOf()), false],
  [
    "ended and still there",
    podUsesClaim(onNode(podWith([claimVolume("c")]), { phase: "Succeeded" }), claimOf()),
    true,
  ],
  ["its own ephemeral volume", podUsesClaim(onNode(own), ownClaim), true],
  ["... once it has ended", podUsesClaim(onNode(own, { phase: "Failed" }), ownClaim), false],
  [
    "a claim that only has the name of one",
    podUsesClaim(onNode(own), claimOf({}, { metadata: { name: "p-x" } })),
    false,
  ],
  [
    "a class that a volume has",
    usesAttributes(volumeOf("v", { volumeAttributesClassName: "a" }), "a"),
    true,
  ],
  [
    "a class that a claim had",
    usesAttributes(claimOf({}, { status: { currentVolumeAttributesClassName: "a" } }), "a"),
    true,
  ],
  ["a class of nobody", usesAttributes(claimOf(), "a"), false],
];
for (const [name, used, want] of uses) {
  test(`storage in use: ${name}`, () => {
    assert.equal(used, want);
  });
}
