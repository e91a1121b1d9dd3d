import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { PersistentVolume, PersistentVolumeClaim, Pod, Volume } from "#api/gen/types.ts";
import { bindCompleted } from "#api/volumes/claims.ts";
import { FakeStorage } from "#testing/kubelet-ports.ts";
import { claimOf, claimVolume, podWith, refToClaim, volumeOf } from "#testing/storage-fixtures.ts";
import { findClaimedVolume } from "./claims.ts";

const signal = new AbortController().signal;
const bound = claimOf(
  { volumeName: "v" },
  { metadata: { annotations: { [bindCompleted]: "yes" } }, status: { phase: "Bound" } },
);
const mine = { claimRef: refToClaim };

interface Given {
  readonly pod?: Pod;
  readonly claim?: PersistentVolumeClaim;
  readonly volume?: PersistentVolume;
}

const scratch: Volume = { name: "x", ephemeral: { volumeClaimTemplate: { spec: {} } } };
const readOnly: Volume = {
  name: "v",
  persistentVolumeClaim: { claimName: "c", readOnly: true },
};

/** `DIR` stands for a directory that is there. */
const cases: [name: string, given: Given, want: string | RegExp][] = [
  ["no claim", {}, /^error processing PVC ns\/c: it was not found$/],
  ["not bound", { claim: claimOf() }, /^error processing PVC ns\/c: PVC is not bound$/],
  ["no volume", { claim: bound }, /PersistentVolume "v" was not found$/],
  [
    "another's volume",
    { claim: bound, volume: volumeOf("v", { claimRef: { ...refToClaim, uid: "x" } }) },
    /PersistentVolume "v" is another claim's$/,
  ],
  [
    "a directory of the node",
    { claim: bound, volume: volumeOf("v", { ...mine, local: { path: "DIR" } }) },
    "DIR writable grouped",
  ],
  [
    "read only",
    {
      claim: bound,
      pod: podWith([readOnly]),
      volume: volumeOf("v", { ...mine, local: { path: "DIR" } }),
    },
    "DIR read-only as it is",
  ],
  [
    "a host path keeps its owner",
    { claim: bound, volume: volumeOf("v", { ...mine, hostPath: { path: "DIR" } }) },
    "DIR writable as it is",
  ],
  [
    "a directory that is gone",
    { claim: bound, volume: volumeOf("v", { ...mine, local: { path: "DIR/gone" } }) },
    /^path ".*\/gone" does not exist$/,
  ],
  [
    "a device",
    {
      claim: bound,
      volume: volumeOf("v", { ...mine, local: { path: "DIR" }, volumeMode: "Block" }),
    },
    /has volumeMode Block, which this node cannot give to pods$/,
  ],
  [
    "a kind that nodes here do not know",
    { claim: bound, volume: volumeOf("v", { ...mine, nfs: { server: "s", path: "/" } }) },
    /^volumes of kind 'nfs' are not supported on this node$/,
  ],
  [
    "an ephemeral volume whose claim is another's",
    {
      pod: podWith([scratch]),
      claim: { ...bound, metadata: { ...bound.metadata, name: "p-x" } },
    },
    /PVC ns\/p-x was not created for pod ns\/p \(pod is not owner\)$/,
  ],
];

async function find({ pod = podWith([claimVolume("c")]), claim, volume }: Given): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "claims-"));
  try {
    const storage = new FakeStorage();
    if (claim !== undefined) storage.claims.set(`ns/${claim.metadata?.name ?? ""}`, claim);
    if (volume !== undefined) {
      const text = JSON.stringify(volume).replace("DIR", directory);
      storage.volumes.set("v", JSON.parse(text) as PersistentVolume);
    }
    const [wanted] = pod.spec?.volumes ?? [];
    assert.ok(wanted !== undefined);
    const found = await findClaimedVolume(pod, wanted, storage, signal);
    const place = found.path.replace(directory, "DIR");
    const owner = found.takesGroup ? "grouped" : "as it is";
    return `${place} ${found.readOnly ? "read-only" : "writable"} ${owner}`;
  } finally {
    await rm(directory, { recursive: true });
  }
}

for (const [name, given, want] of cases) {
  test(`findClaimedVolume: ${name}`, async () => {
    if (typeof want === "string") assert.equal(await find(given), want);
    else await assert.rejects(find(given), ({ message }: Error) => want.test(message));
  });
}
