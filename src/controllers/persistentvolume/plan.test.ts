import assert from "node:assert/strict";
import { test } from "node:test";
import type { PersistentVolume, PersistentVolumeClaim, StorageClass } from "#api/gen/types.ts";
import {
  bindCompleted,
  boundByController,
  provisionedBy,
  selectedNode,
} from "#api/volumes/claims.ts";
import { claimOf, classOf, refToClaim, volumeOf } from "#testing/storage-fixtures.ts";
import {
  boundStatus,
  claimForVolume,
  planClaim,
  planVolume,
  volumeForClaim,
  type ClaimPlan,
} from "./plan.ts";

interface Given {
  readonly claim?: PersistentVolumeClaim;
  readonly volumes?: readonly PersistentVolume[];
  readonly classes?: readonly StorageClass[];
  readonly defaultClass?: string;
  readonly waitingPods?: readonly string[];
}

function textOf(plan: ClaimPlan): string {
  if (plan.kind === "bind") return `bind ${plan.volume.metadata?.name ?? ""}`;
  if (plan.kind === "class") return `class ${plan.name}`;
  if (plan.kind === "provision") return `provision ${plan.provisioner} ${plan.event.reason}`;
  if (plan.kind === "none") return "none";
  const { event } = plan;
  return event === undefined ? plan.phase : `${plan.phase} ${event.reason}: ${event.message}`;
}

const late = classOf({ volumeBindingMode: "WaitForFirstConsumer" });
const done = { [bindCompleted]: "yes" };

const claims: [name: string, given: Given, want: RegExp][] = [
  [
    "no class",
    { claim: claimOf({ storageClassName: "" }) },
    /^Pending FailedBinding: no persistent volumes available for this claim and no storage class is set$/,
  ],
  ["takes the default class", { claim: noClass(), defaultClass: "fast" }, /^class fast$/],
  [
    "a volume is better",
    { claim: noClass(), defaultClass: "fast", volumes: [plain()] },
    /^bind v$/,
  ],
  [
    "a class that is not there",
    {},
    /^Pending ProvisioningFailed: storageclass.storage.k8s.io "fast" not found$/,
  ],
  ["provisioned", { classes: [classOf()] }, /^provision example.com\/disk ExternalProvisioning$/],
  [
    "a class for volumes made by hand",
    { classes: [classOf({ provisioner: "kubernetes.io/no-provisioner" })] },
    /^Pending ProvisioningFailed: no volume plugin matched$/,
  ],
  ["a free volume first", { classes: [classOf()], volumes: [volumeOf("a")] }, /^bind a$/],
  [
    "late: waits",
    { classes: [late], volumes: [volumeOf("a")] },
    /^Pending WaitForFirstConsumer: waiting for first consumer/,
  ],
  [
    "late: says for whom",
    { classes: [late], waitingPods: ["p1", "p2"] },
    /^Pending WaitForPodScheduled: waiting for pods p1,p2 to be scheduled$/,
  ],
  [
    "late: a node is chosen",
    { claim: claimOf({}, annotated({ [selectedNode]: "n1" })), classes: [late] },
    /^provision/,
  ],
  ["asks for a volume that is not there", { claim: claimOf({ volumeName: "a" }) }, /^Pending$/],
  [
    "asks for a volume that is there",
    { claim: claimOf({ volumeName: "a" }), volumes: [volumeOf("a")] },
    /^bind a$/,
  ],
  [
    "asks for a volume that is too small",
    { claim: claimOf({ volumeName: "a", size: "2Gi" }), volumes: [volumeOf("a")] },
    /^Pending VolumeMismatch: Cannot bind to requested volume "a": requested PV is too small$/,
  ],
  [
    "asks for another's volume",
    {
      claim: claimOf({ volumeName: "a" }),
      volumes: [volumeOf("a", { claimRef: { namespace: "x", name: "y", uid: "z" } })],
    },
    /^Pending FailedBinding: volume "a" already bound to a different claim. \(x\/y\)$/,
  ],
  [
    "bound, and its volume is gone",
    { claim: claimOf({ volumeName: "a" }, annotated(done)) },
    /^Lost ClaimLost: Bound claim has lost its PersistentVolume/,
  ],
  [
    "bound, and its volume's name is gone",
    { claim: claimOf({}, annotated(done)) },
    /^Lost ClaimLost: Bound claim has lost reference/,
  ],
  [
    "bound to a volume that is another's",
    {
      claim: claimOf({ volumeName: "a" }, annotated(done)),
      volumes: [volumeOf("a", { claimRef: { ...refToClaim, uid: "other" } })],
    },
    /^Lost ClaimMisbound/,
  ],
  [
    "bound: what is missing is written",
    {
      claim: claimOf({ volumeName: "a" }, annotated(done)),
      volumes: [volumeOf("a", { claimRef: refToClaim })],
    },
    /^bind a$/,
  ],
];

function annotated(annotations: Record<string, string>) {
  return { metadata: { annotations } };
}

function noClass(): PersistentVolumeClaim {
  return claimOf({ storageClassName: undefined });
}

function plain(): PersistentVolume {
  return volumeOf("v", { storageClassName: undefined });
}

for (const [name, given, want] of claims) {
  test(`planClaim: ${name}`, () => {
    const { claim = claimOf(), volumes = [], classes = [], waitingPods = [] } = given;
    const plan = planClaim(claim, {
      volumes,
      volume: (it) => volumes.find(({ metadata }) => metadata?.name === it),
      storageClass: (it) => classes.find(({ metadata }) => metadata?.name === it),
      defaultClass: given.defaultClass,
      waitingPods,
    });
    assert.match(textOf(plan), want);
  });
}

const mine = { claimRef: refToClaim };
const named = claimOf({ volumeName: "a" });
const deletes = { ...mine, persistentVolumeReclaimPolicy: "Delete" };
const ours = { metadata: { annotations: { [provisionedBy]: "example.com/disk" } } };
const volumes: [
  name: string,
  volume: PersistentVolume,
  claim: PersistentVolumeClaim | undefined,
  want: string,
][] = [
  ["new", volumeOf("a", {}, { phase: "Pending" }), undefined, "Available"],
  ["free", volumeOf("a"), undefined, "none"],
  [
    "reserved by hand",
    volumeOf("a", { claimRef: { namespace: "ns", name: "c" } }, { phase: "Pending" }),
    named,
    "Available",
  ],
  ["being bound", volumeOf("a", mine), claimOf(), "none"],
  ["bound", volumeOf("a", mine), named, "Bound"],
  ["its claim is gone", volumeOf("a", mine, { phase: "Bound" }), undefined, "Released"],
  ["kept", volumeOf("a", mine, { phase: "Released" }), undefined, "none"],
  ["its claim went elsewhere", volumeOf("a", mine), claimOf({ volumeName: "b" }), "unbind"],
  [
    "provisioned for a claim that went elsewhere",
    volumeOf("a", deletes, ours),
    claimOf({ volumeName: "b" }),
    "Released",
  ],
  [
    "deleted by its provisioner",
    volumeOf("a", deletes, { ...ours, phase: "Released" }),
    undefined,
    "none",
  ],
  [
    "nobody can delete it",
    volumeOf("a", deletes, { phase: "Released" }),
    undefined,
    "Failed VolumeFailedDelete",
  ],
  [
    "recycling is no more",
    volumeOf("a", { ...mine, persistentVolumeReclaimPolicy: "Recycle" }, { phase: "Released" }),
    undefined,
    "Failed VolumeFailedRecycle",
  ],
  ["failed stays failed", volumeOf("a", deletes, { phase: "Failed" }), undefined, "none"],
];
for (const [name, volume, claim, want] of volumes) {
  test(`planVolume: ${name}`, () => {
    const plan = planVolume(volume, claim);
    const text =
      plan.kind === "phase" ? [plan.phase, plan.event?.reason].join(" ").trim() : plan.kind;
    assert.equal(text, want);
  });
}

test("binding: each object is written once, and says who chose", () => {
  const [claim, volume] = [claimOf(), volumeOf("a")];
  const reserved = volumeForClaim(volume, claim);
  assert.ok(reserved !== undefined);
  assert.equal(reserved.spec?.claimRef?.uid, "uid-c");
  assert.equal(reserved.metadata?.annotations?.[boundByController], "yes");
  assert.equal(volumeForClaim(reserved, claim), undefined);
  const bound = claimForVolume(claim, reserved);
  assert.ok(bound !== undefined);
  assert.equal(bound.spec?.volumeName, "a");
  assert.deepEqual(Object.keys(bound.metadata?.annotations ?? {}).sort(), [
    bindCompleted,
    boundByController,
  ]);
  assert.equal(claimForVolume(bound, reserved), undefined);
  const status = boundStatus(bound, reserved);
  assert.deepEqual(status, {
    phase: "Bound",
    accessModes: ["ReadWriteOnce"],
    capacity: { storage: "1Gi" },
  });
  assert.equal(boundStatus({ ...bound, status }, reserved), undefined);
});

test("binding: what was chosen by hand is not called ours", () => {
  const claim = claimOf({ volumeName: "a" });
  const volume = volumeOf("a", { claimRef: { namespace: "ns", name: "c" } });
  assert.equal(volumeForClaim(volume, claim)?.metadata?.annotations, undefined);
  assert.deepEqual(claimForVolume(claim, volume)?.metadata?.annotations, done);
});
