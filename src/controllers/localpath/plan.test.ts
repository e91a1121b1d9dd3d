import assert from "node:assert/strict";
import { test } from "node:test";
import type {
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  StorageClass,
} from "#api/gen/types.ts";
import {
  localPathProvisioner,
  provisionedBy,
  selectedNode,
  storageProvisioner,
} from "#api/volumes/claims.ts";
import { claimOf, classOf, nodeNamed, refToClaim, volumeOf } from "#testing/storage-fixtures.ts";
import { directoryFinalizer, planClaim, planVolume, volumeFor, type ClaimPlan } from "./plan.ts";

const late = classOf({
  provisioner: localPathProvisioner,
  volumeBindingMode: "WaitForFirstConsumer",
});
const soon = classOf({ provisioner: localPathProvisioner });
const onlyN2 = [{ matchLabelExpressions: [{ key: "kubernetes.io/hostname", values: ["n2"] }] }];
const asked = { [storageProvisioner]: localPathProvisioner };
const placed = { ...asked, [selectedNode]: "n1" };

interface Given {
  readonly claim: PersistentVolumeClaim;
  readonly storageClass?: StorageClass;
  readonly nodes?: readonly Node[];
  readonly volume?: PersistentVolume;
  readonly counts?: Readonly<Record<string, number>>;
}

function of(
  spec: Parameters<typeof claimOf>[0],
  annotations: Record<string, string> = placed,
): PersistentVolumeClaim {
  return claimOf(spec, { metadata: { annotations } });
}

const bound = {
  phase: "Bound",
  capacity: { storage: "1Gi" },
};
const mine = { metadata: { annotations: { [provisionedBy]: localPathProvisioner } } };

const claims: [name: string, given: Given, want: RegExp][] = [
  ["another provisioner's", { claim: of({}), storageClass: classOf() }, /^none$/],
  ["the binder has not asked", { claim: of({}, {}), storageClass: soon }, /^none$/],
  ["no consumer yet", { claim: of({}, asked), storageClass: late }, /^none$/],
  ["placed by its consumer", { claim: of({}), storageClass: late }, /^provision n1$/],
  [
    "being deleted",
    {
      claim: claimOf(
        {},
        { metadata: { annotations: placed, deletionTimestamp: "2026-01-01T00:00:00Z" } },
      ),
      storageClass: late,
    },
    /^none$/,
  ],
  [
    "placed on a node that is gone",
    { claim: of({}, { ...asked, [selectedNode]: "n9" }), storageClass: late },
    /^refuse again node "n9" not found$/,
  ],
  [
    "placed where the class does not allow it",
    { claim: of({}), storageClass: { ...late, allowedTopologies: onlyN2 } },
    /^refuse again .*not among the allowed topologies/,
  ],
  [
    "immediate: the node with the fewest",
    { claim: of({}, asked), storageClass: soon, counts: { n1: 2, n2: 1 } },
    /^provision n2$/,
  ],
  [
    "immediate: only where allowed",
    {
      claim: of({}, asked),
      storageClass: { ...soon, allowedTopologies: onlyN2 },
      counts: { n2: 9 },
    },
    /^provision n2$/,
  ],
  [
    "immediate: no node is ready",
    { claim: of({}, asked), storageClass: soon, nodes: [nodeNamed("n1", false)] },
    /^refuse no node is ready for a volume$/,
  ],
  [
    "for many writers",
    { claim: of({ accessModes: ["ReadWriteMany"] }), storageClass: late },
    /^refuse access mode ReadWriteMany is not supported/,
  ],
  [
    "for one pod",
    { claim: of({ accessModes: ["ReadWriteOncePod"] }), storageClass: late },
    /^prov/,
  ],
  [
    "as a device",
    { claim: of({ volumeMode: "Block" }), storageClass: late },
    /^refuse volumeMode Block is not supported/,
  ],
  [
    "with a selector",
    { claim: of({ selector: {} }), storageClass: late },
    /^refuse a claim with a selector/,
  ],
  [
    "of a class with a parameter",
    { claim: of({}), storageClass: { ...late, parameters: { path: "/etc" } } },
    /^refuse the class has the unknown parameter "path"/,
  ],
  [
    "bound, and asks for more",
    {
      claim: claimOf({ volumeName: "v", size: "3Gi" }, { status: bound }),
      volume: volumeOf("v", { claimRef: refToClaim }, mine),
    },
    /^grow 3Gi$/,
  ],
  [
    "bound, and has what it asks for",
    {
      claim: claimOf({ volumeName: "v", size: "1024Mi" }, { status: bound }),
      volume: volumeOf("v", { claimRef: refToClaim }, mine),
    },
    /^none$/,
  ],
  [
    "asks for more of another's volume",
    {
      claim: claimOf({ volumeName: "v", size: "3Gi" }, { status: bound }),
      volume: volumeOf("v", { claimRef: refToClaim }),
    },
    /^none$/,
  ],
];

function textOf(plan: ClaimPlan): string {
  if (plan.kind === "provision") return `provision ${plan.node}`;
  if (plan.kind === "refuse") return `refuse ${plan.reschedule ? "again " : ""}${plan.message}`;
  return plan.kind === "grow" ? `grow ${plan.storage}` : plan.kind;
}

for (const [name, given, want] of claims) {
  test(`local path: a claim ${name}`, () => {
    const plan = planClaim(given.claim, {
      storageClass: given.storageClass,
      nodes: given.nodes ?? [nodeNamed("n1"), nodeNamed("n2")],
      volume: given.volume,
      volumesOn: (node) => given.counts?.[node] ?? 0,
    });
    assert.match(textOf(plan), want);
  });
}

const annotations = { [provisionedBy]: localPathProvisioner };
const ending = {
  annotations,
  deletionTimestamp: "2026-01-01T00:00:00Z",
  finalizers: [directoryFinalizer],
};
const deletes = { persistentVolumeReclaimPolicy: "Delete" };
const volumes: [name: string, volume: PersistentVolume, want: string][] = [
  ["bound", volumeOf("v", deletes, { metadata: { annotations }, phase: "Bound" }), "none"],
  ["released", volumeOf("v", deletes, { metadata: { annotations }, phase: "Released" }), "delete"],
  [
    "released and kept",
    volumeOf("v", {}, { metadata: { annotations }, phase: "Released" }),
    "none",
  ],
  ["another's", volumeOf("v", deletes, { phase: "Released" }), "none"],
  ["on its way out", volumeOf("v", deletes, { metadata: ending, phase: "Released" }), "finish rm"],
  ["deleted by hand, kept", volumeOf("v", {}, { metadata: ending, phase: "Released" }), "finish"],
  ["deleted while bound", volumeOf("v", deletes, { metadata: ending, phase: "Bound" }), "none"],
  [
    "gone but for others",
    volumeOf("v", deletes, { metadata: { ...ending, finalizers: ["x"] }, phase: "Released" }),
    "none",
  ],
];
for (const [name, volume, want] of volumes) {
  test(`local path: a volume ${name}`, () => {
    const plan = planVolume(volume);
    assert.equal(plan.kind === "finish" && plan.removes ? "finish rm" : plan.kind, want);
  });
}

test("local path: the volume belongs to the claim, is on its node, and as the class says", () => {
  const volume = volumeFor(
    claimOf({ size: "5Gi" }),
    { node: "n1", path: "/data/pvc-uid-c", hostname: "host-1" },
    { ...soon, reclaimPolicy: "Retain" },
  );
  assert.equal(volume.metadata?.name, "pvc-uid-c");
  assert.deepEqual(volume.spec?.local, { path: "/data/pvc-uid-c" });
  assert.equal(volume.spec.capacity?.["storage"], "5Gi");
  assert.equal(volume.spec.claimRef?.uid, "uid-c");
  assert.equal(volume.spec.persistentVolumeReclaimPolicy, "Retain");
  const [term] = volume.spec.nodeAffinity?.required?.nodeSelectorTerms ?? [];
  assert.deepEqual(term?.matchExpressions?.[0]?.values, ["host-1"]);
});
