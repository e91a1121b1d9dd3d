import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "#api/object.ts";
import { planDeletion, type DeletionInput } from "./plan.ts";

const none = {
  gracePeriodSeconds: undefined,
  propagation: undefined,
  uid: undefined,
  resourceVersion: undefined,
  dryRun: false,
} as const;

interface Case {
  readonly name: string;
  readonly metadata?: JsonObject;
  readonly spec?: JsonObject;
  readonly options?: Partial<DeletionInput["options"]>;
  readonly grace?: number;
  readonly isNamespace?: boolean;
  readonly want: string;
}

// Now is 100 s after the epoch. `want`: plan, deletionTimestamp in seconds, grace, finalizers.
const cases: Case[] = [
  { name: "plain", want: "remove - - []" },
  { name: "finalizer", metadata: { finalizers: ["a/b"] }, want: "mark 100 0 [a/b]" },
  { name: "pod", grace: 30, want: "mark 130 30 []" },
  { name: "pod, now", grace: 0, options: { gracePeriodSeconds: 0 }, want: "remove - - []" },
  { name: "pod, longer", grace: 60, options: { gracePeriodSeconds: 60 }, want: "mark 160 60 []" },
  { name: "pod not bound", grace: 0, options: { gracePeriodSeconds: 60 }, want: "remove - - []" },
  {
    name: "pod that is going, not shorter",
    grace: 30,
    metadata: { deletionTimestamp: "1970-01-01T00:02:00Z", deletionGracePeriodSeconds: 30 },
    options: { gracePeriodSeconds: 30 },
    want: "pending 120 30 []",
  },
  {
    name: "pod that is going, shorter",
    grace: 30,
    metadata: { deletionTimestamp: "1970-01-01T00:02:00Z", deletionGracePeriodSeconds: 30 },
    options: { gracePeriodSeconds: 15 },
    want: "mark 105 15 []",
  },
  {
    name: "pod that is going, past the shorter period",
    grace: 30,
    metadata: { deletionTimestamp: "1970-01-01T00:02:00Z", deletionGracePeriodSeconds: 30 },
    options: { gracePeriodSeconds: 5 },
    want: "mark 100 1 []",
  },
  {
    name: "pod that is going, kubelet confirms",
    grace: 30,
    metadata: { deletionTimestamp: "1970-01-01T00:02:00Z", deletionGracePeriodSeconds: 30 },
    options: { gracePeriodSeconds: 0 },
    want: "remove 100 0 []",
  },
  {
    name: "foreground",
    options: { propagation: "Foreground" },
    want: "mark 100 0 [foregroundDeletion]",
  },
  { name: "orphan", options: { propagation: "Orphan" }, want: "mark 100 0 [orphan]" },
  {
    name: "background over foreground",
    metadata: { finalizers: ["foregroundDeletion"] },
    options: { propagation: "Background" },
    want: "remove - - []",
  },
  {
    name: "no policy keeps the finalizer",
    metadata: { finalizers: ["orphan"] },
    want: "mark 100 0 [orphan]",
  },
  {
    name: "namespace",
    isNamespace: true,
    spec: { finalizers: ["kubernetes"] },
    want: "mark 100 0 [] Terminating",
  },
  { name: "namespace, done", isNamespace: true, spec: {}, want: "remove - - []" },
];

for (const it of cases) {
  test(`planDeletion: ${it.name} -> ${it.want}`, () => {
    const object: JsonObject = {
      metadata: structuredClone(it.metadata ?? {}),
      spec: structuredClone(it.spec ?? {}),
    };
    const plan = planDeletion({
      object,
      options: { ...none, ...it.options },
      gracePeriodSeconds: it.grace,
      isNamespace: it.isNamespace ?? false,
      orphansByDefault: false,
      nowMs: 100_000,
    });
    const metadata = object["metadata"] as {
      deletionTimestamp?: string;
      deletionGracePeriodSeconds?: number;
      finalizers?: string[];
    };
    const at = metadata.deletionTimestamp;
    const seconds = at === undefined ? "-" : String(Date.parse(at) / 1_000);
    const phase = (object["status"] as { phase?: string } | undefined)?.phase;
    const got = [
      plan.kind,
      seconds,
      metadata.deletionGracePeriodSeconds ?? "-",
      `[${(metadata.finalizers ?? []).join(",")}]`,
      ...(phase === undefined ? [] : [phase]),
    ];
    assert.equal(got.join(" "), it.want);
  });
}

test("planDeletion: the first mark counts as a change of generation, later ones do not", () => {
  const object: JsonObject = { metadata: { generation: 3, finalizers: ["a/b"] } };
  const input = {
    object,
    options: none,
    gracePeriodSeconds: undefined,
    isNamespace: false,
    orphansByDefault: false,
    nowMs: 100_000,
  };
  planDeletion(input);
  planDeletion(input);
  assert.equal((object["metadata"] as { generation: number }).generation, 4);
});
