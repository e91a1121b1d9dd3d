import assert from "node:assert/strict";
import { test } from "node:test";
import { deletionStage, namespaceConditions, planNamespace, type Emptying } from "./plan.ts";

const deleting = { deletionTimestamp: "2026-01-01T00:00:00Z" };
const nothing: Emptying = { remaining: [], errors: [] };
const pods: Emptying = {
  remaining: [{ resource: "pods", count: 2, finalizers: { "a/b": 1 } }],
  errors: [],
};
const failed: Emptying = { remaining: [], errors: ["boom"] };

const cases: [metadata: object, finalizers: string[], emptying: Emptying, want: unknown][] = [
  [{}, ["kubernetes"], nothing, { kind: "none" }],
  [deleting, [], nothing, { kind: "none" }],
  [deleting, ["kubernetes"], nothing, { kind: "finalize", finalizers: [] }],
  [deleting, ["kubernetes", "x/y"], nothing, { kind: "finalize", finalizers: ["x/y"] }],
  [deleting, ["kubernetes"], pods, { kind: "wait", afterMs: 15_000 }],
  [deleting, ["kubernetes"], failed, { kind: "wait", afterMs: 5_000 }],
];

for (const [metadata, finalizers, emptying, want] of cases) {
  test(`planNamespace: ${JSON.stringify({ metadata, finalizers, emptying })}`, () => {
    assert.deepEqual(planNamespace({ metadata, spec: { finalizers } }, emptying), want);
  });
}

test("deletionStage: pods before everything else", () => {
  assert.deepEqual([deletionStage(1), deletionStage(0)], ["pods", "others"]);
});

test("namespaceConditions: what remains and what holds it, with stable times", () => {
  const first = namespaceConditions([], pods, 0);
  const told = first
    .filter((it) => it.status === "True")
    .map((it) => `${it.type}: ${it.message ?? ""}`);
  assert.deepEqual(told, [
    "NamespaceContentRemaining: Some resources are remaining: pods has 2 resource instances",
    "NamespaceFinalizersRemaining: Some content in the namespace has finalizers remaining: a/b in 1 resource instances",
  ]);
  assert.deepEqual(namespaceConditions(first, pods, 60_000), first);
  const [failure] = namespaceConditions(first, failed, 60_000).filter((it) => it.status === "True");
  assert.equal(failure?.reason, "ContentDeletionFailed");
});
