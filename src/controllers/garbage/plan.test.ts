import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { builtin } from "#api/kinds/list.ts";
import { OwnershipGraph, type GraphNode } from "./graph.ts";
import { planGarbage, type GarbageStep, type OwnerState } from "./plan.ts";

/** `deleting foreground blocked=2 dependents waits owners=solid,dangling`. */
function plan(text: string): string {
  const words = new Map(
    text.split(" ").map((it): [string, string] => {
      const [name = "", value = ""] = it.split("=");
      return [name, value];
    }),
  );
  const owners = (words.get("owners") ?? "").split(",").filter((it) => it !== "");
  const blockingDependents = Number(words.get("blocked") ?? 0);
  const steps = planGarbage({
    deleting: words.has("deleting"),
    finalizers: [
      ...(words.has("foreground") ? ["foregroundDeletion"] : []),
      ...(words.has("orphan") ? ["orphan"] : []),
    ],
    owners: owners.map((state, i) => ({ uid: `${i}`, state: state as OwnerState })),
    hasDependents: words.has("dependents") || blockingDependents > 0,
    blockingDependents,
    dependentWaits: words.has("waits"),
  });
  return steps.map(show).join(", ");
}

function show(step: GarbageStep): string {
  switch (step.kind) {
    case "drop-owners":
      return `drop ${step.uids.join("+")}`;
    case "delete":
      return `delete ${step.policy}`;
    case "remove-finalizer":
      return `remove ${step.finalizer}`;
    case "orphan-dependents":
    case "visit-dependents":
    case "unblock-owners":
      return step.kind;
  }
}

const cases: [given: string, want: string][] = [
  ["", ""],
  ["owners=solid", ""],
  ["owners=dangling", "delete Background"],
  ["owners=dangling,dangling", "delete Background"],
  ["owners=solid,dangling", "drop 1"],
  ["owners=solid,dangling,waiting", "drop 1+2"],
  ["owners=waiting", "delete Background"],
  ["owners=waiting dependents", "delete Foreground"],
  ["owners=waiting dependents waits", "unblock-owners, delete Foreground"],
  ["owners=dangling foreground", "delete Foreground"],
  ["owners=dangling orphan", "delete Orphan"],
  ["deleting owners=dangling", ""],
  ["deleting foreground", "remove foregroundDeletion"],
  ["deleting foreground dependents", "remove foregroundDeletion"],
  ["deleting foreground blocked=1", "visit-dependents"],
  ["deleting orphan", "orphan-dependents, remove orphan"],
];

for (const [given, want] of cases) {
  test(`planGarbage: [${given}] -> [${want}]`, () => {
    assert.equal(plan(given), want);
  });
}

test("planGarbage: an object with a solid owner is never deleted", () => {
  const states = fc.array(fc.constantFrom("solid", "dangling", "waiting"), { maxLength: 5 });
  fc.assert(
    fc.property(states, fc.boolean(), fc.boolean(), (owners, dependents, waits) => {
      const words = [`owners=solid,${owners.join(",")}`];
      if (dependents) words.push("dependents");
      if (waits) words.push("waits");
      assert.doesNotMatch(plan(words.join(" ")), /delete/);
    }),
  );
});

test("OwnershipGraph: dependents are those whose present references name the owner", () => {
  const resource = builtin("", "pods");
  const uid = fc.constantFrom("a", "b", "c", "d");
  const step = fc.record({ uid, owners: fc.uniqueArray(uid), remove: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const graph = new OwnershipGraph();
      const model = new Map<string, GraphNode>();
      for (const { uid: it, owners, remove } of steps) {
        const references = owners.map((owner) => ({
          apiVersion: "v1",
          kind: "Pod",
          name: owner,
          uid: owner,
        }));
        const node: GraphNode = {
          uid: it,
          resource,
          namespace: "",
          name: it,
          owners: references,
          deleting: false,
          finalizers: [],
        };
        if (remove) {
          graph.remove(it);
          model.delete(it);
        } else {
          graph.put(node);
          model.set(it, node);
        }
      }
      for (const owner of ["a", "b", "c", "d"]) {
        const want = [...model.values()].filter((it) =>
          it.owners.some(({ uid: u }) => u === owner),
        );
        assert.deepEqual(new Set(graph.dependentsOf(owner)), new Set(want));
      }
      assert.equal(graph.size, model.size);
    }),
  );
});
