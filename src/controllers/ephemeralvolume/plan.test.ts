import assert from "node:assert/strict";
import { test } from "node:test";
import type { PersistentVolumeClaim, Pod, Volume } from "#api/gen/types.ts";
import { claimOf, podWith } from "#testing/storage-fixtures.ts";
import { planEphemeralVolumes } from "./plan.ts";

const { spec = {} } = claimOf();
const scratch: Volume = {
  name: "scratch",
  ephemeral: { volumeClaimTemplate: { metadata: { labels: { a: "b" } }, spec } },
};
const owner = { apiVersion: "v1", kind: "Pod", name: "p", uid: "uid-p", controller: true };

const cases: [name: string, pod: Pod, present: PersistentVolumeClaim | undefined, want: string][] =
  [
    ["made", podWith([scratch]), undefined, "create p-scratch"],
    ["there", podWith([scratch]), claimOf({}, { metadata: { ownerReferences: [owner] } }), ""],
    ["another's", podWith([scratch]), claimOf(), "conflict"],
    ["no such volume", podWith([{ name: "x", emptyDir: {} }]), undefined, ""],
    ["the pod has ended", podWith([scratch], { status: { phase: "Failed" } }), undefined, ""],
    [
      "the pod ends",
      podWith([scratch], { metadata: { deletionTimestamp: "2026-01-01T00:00:00Z" } }),
      undefined,
      "",
    ],
  ];
for (const [name, pod, present, want] of cases) {
  test(`planEphemeralVolumes: ${name}`, () => {
    const actions = planEphemeralVolumes(pod, () => present);
    const texts = actions.map((it) =>
      it.kind === "create" ? `create ${it.claim.metadata?.name ?? ""}` : it.kind,
    );
    assert.equal(texts.join(), want);
  });
}

test("planEphemeralVolumes: the claim is the pod's, and as its template", () => {
  const [action] = planEphemeralVolumes(podWith([scratch]), () => undefined);
  assert.ok(action?.kind === "create");
  const { metadata } = action.claim;
  assert.deepEqual(metadata?.labels, { a: "b" });
  assert.equal(metadata.namespace, "ns");
  assert.deepEqual(metadata.ownerReferences, [{ ...owner, blockOwnerDeletion: true }]);
  assert.deepEqual(action.claim.spec, spec);
});
