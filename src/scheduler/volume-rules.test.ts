import assert from "node:assert/strict";
import { test } from "node:test";
import type {
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  StorageClass,
  Volume,
} from "#api/gen/types.ts";
import { bindCompleted, selectedNode } from "#api/volumes/claims.ts";
import {
  claimOf,
  classOf,
  claimVolume,
  onNodes,
  podWith,
  volumeOf,
} from "#testing/storage-fixtures.ts";
import {
  bindConflict,
  exclusiveConflict,
  missingVolume,
  nodeConflict,
  planBindings,
  podVolumesOf,
  volumeFault,
  type StorageView,
} from "./volume-rules.ts";

interface Given {
  readonly pod?: Pod;
  readonly claims?: readonly PersistentVolumeClaim[];
  readonly volumes?: readonly PersistentVolume[];
  readonly classes?: readonly StorageClass[];
  readonly taken?: readonly string[];
  readonly inUse?: boolean;
}

function viewOf({ claims = [], volumes = [], classes = [late], ...more }: Given): StorageView {
  return {
    claim: (_namespace, name) => claims.find((it) => it.metadata?.name === name),
    volume: (name) => volumes.find((it) => it.metadata?.name === name),
    storageClass: (name) => classes.find((it) => it.metadata?.name === name),
    volumes,
    isTaken: (name) => more.taken?.includes(name) === true,
    isInUse: () => more.inUse === true,
  };
}

/** What the decision says of node `n1`: `refused: …`, a fault, or the steps. */
function decide(given: Given): string {
  const view = viewOf(given);
  const found = podVolumesOf(given.pod ?? podWith([claimVolume("c")]), view);
  if (found.kind === "none") return "none";
  if (found.kind === "refused") return `refused: ${found.message}`;
  const node = { name: "n1", labels: { "kubernetes.io/hostname": "n1" } };
  const fault = volumeFault(found.rules, node, view);
  if (fault !== undefined) return fault;
  const steps = planBindings(found.rules, node, view) ?? [];
  const texts = steps.map((it) => {
    const claim = it.claim.metadata?.name ?? "";
    return it.kind === "bind" ? `${claim}=${it.volume.metadata?.name ?? ""}` : `make ${claim}`;
  });
  return texts.join(" ");
}

const late = classOf({ volumeBindingMode: "WaitForFirstConsumer" });
const byHand = { ...late, provisioner: "kubernetes.io/no-provisioner" };
const scratch: Volume = { name: "x", ephemeral: { volumeClaimTemplate: { spec: {} } } };

function boundTo(volumeName: string, spec: Parameters<typeof claimOf>[0] = {}) {
  const annotations = { [bindCompleted]: "yes" };
  return claimOf(
    { volumeName, ...spec },
    { metadata: { annotations }, status: { phase: "Bound" } },
  );
}

function named(name: string, size = "1Gi"): PersistentVolumeClaim {
  return claimOf({ size }, { metadata: { name, uid: `uid-${name}` } });
}

const cases: [name: string, given: Given, want: string][] = [
  ["no claims", { pod: podWith([{ name: "e", emptyDir: {} }]) }, "none"],
  ["no such claim", {}, 'refused: persistentvolumeclaim "c" not found'],
  [
    "an ephemeral claim to come",
    { pod: podWith([scratch]) },
    'refused: waiting for ephemeral volume controller to create the persistentvolumeclaim "p-x"',
  ],
  [
    "an ephemeral claim that is another's",
    { pod: podWith([scratch]), claims: [named("p-x")] },
    "refused: PVC ns/p-x was not created for pod ns/p (pod is not owner)",
  ],
  [
    "a claim being deleted",
    { claims: [claimOf({}, { metadata: { deletionTimestamp: "2026-01-01T00:00:00Z" } })] },
    'refused: persistentvolumeclaim "c" is being deleted',
  ],
  [
    "a lost claim",
    { claims: [claimOf({ volumeName: "v" }, { status: { phase: "Lost" } })] },
    'refused: persistentvolumeclaim "c" bound to non-existent persistentvolume "v"',
  ],
  [
    "a class that binds at once",
    { claims: [claimOf()], classes: [classOf()] },
    "refused: pod has unbound immediate PersistentVolumeClaims",
  ],
  [
    "a claim for a named volume, not bound yet",
    { claims: [claimOf({ volumeName: "v" })] },
    "refused: pod has unbound immediate PersistentVolumeClaims",
  ],
  ["bound, reachable", { claims: [boundTo("v")], volumes: [volumeOf("v")] }, ""],
  [
    "bound elsewhere",
    { claims: [boundTo("v")], volumes: [volumeOf("v", { nodeAffinity: onNodes("n2") })] },
    nodeConflict,
  ],
  ["bound to nothing", { claims: [boundTo("v")] }, missingVolume],
  [
    "another pod has it",
    {
      claims: [boundTo("v", { accessModes: ["ReadWriteOncePod"] })],
      volumes: [volumeOf("v")],
      inUse: true,
    },
    exclusiveConflict,
  ],
  ["another pod shares it", { claims: [boundTo("v")], volumes: [volumeOf("v")], inUse: true }, ""],
  ["to be made", { claims: [claimOf()] }, "make c"],
  ["a volume that is there first", { claims: [claimOf()], volumes: [volumeOf("v")] }, "c=v"],
  [
    "nothing to bind and nobody to make it",
    { claims: [claimOf()], classes: [byHand] },
    bindConflict,
  ],
  [
    "one promised to another pod",
    { claims: [claimOf()], classes: [byHand], volumes: [volumeOf("v")], taken: ["v"] },
    bindConflict,
  ],
  [
    "one volume is not given twice",
    {
      pod: podWith([claimVolume("a"), { ...claimVolume("b"), name: "w" }]),
      claims: [named("a", "2Gi"), named("b")],
      classes: [byHand],
      volumes: [volumeOf("small"), volumeOf("large", { size: "2Gi" })],
    },
    "b=small a=large",
  ],
  [
    "being made on another node",
    { claims: [claimOf({}, { metadata: { annotations: { [selectedNode]: "n2" } } })] },
    bindConflict,
  ],
  [
    "being made here",
    { claims: [claimOf({}, { metadata: { annotations: { [selectedNode]: "n1" } } })] },
    "make c",
  ],
  [
    "a class for other places",
    {
      claims: [claimOf()],
      classes: [
        {
          ...late,
          allowedTopologies: [
            { matchLabelExpressions: [{ key: "kubernetes.io/hostname", values: ["n2"] }] },
          ],
        },
      ],
    },
    bindConflict,
  ],
];
for (const [name, given, want] of cases) {
  test(`volumes of a pod: ${name}`, () => {
    assert.equal(decide(given), want);
  });
}
