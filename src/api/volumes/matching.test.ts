import assert from "node:assert/strict";
import { test } from "node:test";
import type { PersistentVolume, PersistentVolumeClaim } from "#api/gen/types.ts";
import { claimOf, onNodes, refToClaim, volumeOf } from "#testing/storage-fixtures.ts";
import { findVolume, type MatchOptions } from "./matching.ts";

const anywhere: MatchOptions = { node: undefined, delayed: false };
const onN1: MatchOptions = {
  node: { name: "n1", labels: { "kubernetes.io/hostname": "n1" } },
  delayed: true,
};
const labels = { labels: { tier: "gold" } };

const cases: [
  name: string,
  claim: PersistentVolumeClaim,
  volumes: readonly PersistentVolume[],
  options: MatchOptions,
  want: string | undefined,
][] = [
  ["nothing there", claimOf(), [], anywhere, undefined],
  ["one that fits", claimOf(), [volumeOf("a")], anywhere, "a"],
  [
    "the smallest that is large enough",
    claimOf({ size: "2Gi" }),
    [volumeOf("small"), volumeOf("huge", { size: "9Gi" }), volumeOf("right", { size: "2048Mi" })],
    anywhere,
    "right",
  ],
  ["another class", claimOf(), [volumeOf("a", { storageClassName: "slow" })], anywhere, undefined],
  [
    "a claim without class takes a volume without",
    claimOf({ storageClassName: "" }),
    [volumeOf("a"), volumeOf("b", { storageClassName: undefined })],
    anywhere,
    "b",
  ],
  [
    "all access modes",
    claimOf({ accessModes: ["ReadWriteOnce", "ReadOnlyMany"] }),
    [volumeOf("a"), volumeOf("b", { accessModes: ["ReadWriteOnce", "ReadOnlyMany"] })],
    anywhere,
    "b",
  ],
  [
    "no more access modes than needed, even if larger",
    claimOf(),
    [
      volumeOf("many", { accessModes: ["ReadWriteOnce", "ReadWriteMany"] }),
      volumeOf("one", { size: "5Gi" }),
    ],
    anywhere,
    "one",
  ],
  ["another mode", claimOf({ volumeMode: "Block" }), [volumeOf("a")], anywhere, undefined],
  [
    "a selector",
    claimOf({ selector: { matchLabels: { tier: "gold" } } }),
    [volumeOf("a"), volumeOf("b", { size: "4Gi" }, { metadata: labels })],
    anywhere,
    "b",
  ],
  [
    "one on its way out",
    claimOf(),
    [volumeOf("a", {}, { phase: "Released" })],
    anywhere,
    undefined,
  ],
  [
    "one being deleted",
    claimOf(),
    [volumeOf("a", {}, { metadata: { deletionTimestamp: "2026-01-01T00:00:00Z" } })],
    anywhere,
    undefined,
  ],
  [
    "one reserved for another claim",
    claimOf(),
    [volumeOf("a", { claimRef: { namespace: "ns", name: "other" } })],
    anywhere,
    undefined,
  ],
  [
    "one reserved for an earlier claim of the name",
    claimOf(),
    [volumeOf("a", { claimRef: { ...refToClaim, uid: "uid-before" } })],
    anywhere,
    undefined,
  ],
  [
    "one reserved for it comes before a better one",
    claimOf(),
    [volumeOf("a"), volumeOf("b", { size: "9Gi", claimRef: { namespace: "ns", name: "c" } })],
    anywhere,
    "b",
  ],
  ["delayed: not yet", claimOf(), [volumeOf("a")], { node: undefined, delayed: true }, undefined],
  [
    "delayed: reserved all the same",
    claimOf(),
    [volumeOf("a", { claimRef: refToClaim })],
    { node: undefined, delayed: true },
    "a",
  ],
  [
    "for a node: one that it reaches",
    claimOf(),
    [
      volumeOf("a", { nodeAffinity: onNodes("n2") }),
      volumeOf("b", { size: "3Gi", nodeAffinity: onNodes("n1") }),
    ],
    onN1,
    "b",
  ],
  [
    "for a node: reserved elsewhere",
    claimOf(),
    [volumeOf("a", { claimRef: refToClaim, nodeAffinity: onNodes("n2") }), volumeOf("b")],
    onN1,
    undefined,
  ],
  [
    "one that is promised",
    claimOf(),
    [volumeOf("a"), volumeOf("b")],
    { ...onN1, isTaken: (it) => it === "a" },
    "b",
  ],
];
for (const [name, claim, volumes, options, want] of cases) {
  test(`findVolume: ${name}`, () => {
    assert.equal(findVolume(claim, volumes, options)?.metadata?.name, want);
    const reversed = volumes.toReversed();
    assert.equal(findVolume(claim, reversed, options)?.metadata?.name, want, "in any order");
  });
}
