import assert from "node:assert/strict";
import { test } from "node:test";
import { childObject, type JsonObject } from "#api/object.ts";
import { StatusError } from "#api/status.ts";
import { FakeClock } from "#base/clock.ts";
import { admissionRequestTo } from "#testing/admission-request.ts";
import { ObjectFixture } from "#testing/object-fixture.ts";
import { disruptionBudgets } from "./disruption-budgets.ts";

const never = new AbortController().signal;

function budget(name: string, status: JsonObject, spec: JsonObject = {}): JsonObject {
  return {
    apiVersion: "policy/v1",
    kind: "PodDisruptionBudget",
    metadata: { name, namespace: "n", generation: 1 },
    spec: { selector: { matchLabels: { app: "db" } }, ...spec },
    status: { observedGeneration: 1, currentHealthy: 2, desiredHealthy: 2, ...status },
  };
}

function pod(ready = "True", phase = "Running"): JsonObject {
  const conditions = [{ type: "Ready", status: ready }];
  return {
    metadata: { name: "db-0", namespace: "n", labels: { app: "db" } },
    status: { phase, conditions },
  };
}

async function evict(
  objects: ObjectFixture,
  previous: JsonObject,
  dryRun = false,
): Promise<string> {
  const rule = disruptionBudgets(objects, objects, new FakeClock());
  const request = admissionRequestTo("pods/eviction", { name: "db-0", previous, dryRun });
  try {
    await rule.validate?.(request, never);
    return "ok";
  } catch (error) {
    assert.ok(error instanceof StatusError);
    return `${error.code} ${error.details?.causes?.[0]?.message ?? error.message}`;
  }
}

const needs = "429 The disruption budget a needs 2 healthy pods and has 2 currently";
const cases: [what: string, budgets: JsonObject[], pod: JsonObject, want: string | RegExp][] = [
  ["no budget", [], pod(), "ok"],
  ["another's budget", [budget("a", {}, { selector: { matchLabels: { app: "x" } } })], pod(), "ok"],
  ["some left", [budget("a", { disruptionsAllowed: 1 })], pod(), "ok"],
  ["none left", [budget("a", { disruptionsAllowed: 0 })], pod(), needs],
  [
    "not looked at yet",
    [budget("a", { disruptionsAllowed: 1, observedGeneration: 0 })],
    pod(),
    /still being processed/,
  ],
  ["two budgets", [budget("a", {}), budget("b", {})], pod(), /more than one PodDisruptionBudget/],
  ["a pod that has ended", [budget("a", {})], pod("False", "Failed"), "ok"],
  ["a pod that is not ready, and enough are", [budget("a", {})], pod("False"), "ok"],
  [
    "not ready, and too few are",
    [budget("a", { currentHealthy: 1 })],
    pod("False"),
    /has 1 currently/,
  ],
  [
    "not ready, and that may always go",
    [budget("a", { currentHealthy: 1 }, { unhealthyPodEvictionPolicy: "AlwaysAllow" })],
    pod("False"),
    "ok",
  ],
];

for (const [what, budgets, given, want] of cases) {
  test(`disruptionBudgets: ${what} -> ${String(want)}`, async () => {
    const got = await evict(new ObjectFixture(budgets), given);
    if (typeof want === "string") assert.equal(got, want);
    else assert.match(got, want);
  });
}

test("disruptionBudgets: an eviction takes from the budget, a try takes nothing", async () => {
  const objects = new ObjectFixture([budget("a", { disruptionsAllowed: 1 })]);
  assert.equal(await evict(objects, pod(), true), "ok");
  assert.equal(await evict(objects, pod()), "ok");
  assert.equal(await evict(objects, pod()), needs);
  const kept = objects.get("poddisruptionbudgets", "policy", "n", "a");
  const status = childObject(kept, "status");
  assert.equal(status?.["disruptionsAllowed"], 0);
  assert.deepEqual(Object.keys(childObject(status, "disruptedPods") ?? {}), ["db-0"]);
});
