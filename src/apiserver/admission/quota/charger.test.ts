import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { childObject, childString, type JsonObject } from "#api/object.ts";
import { findQuantity } from "#api/quantity.ts";
import { measureOf } from "#api/quota/measures.ts";
import { notFound } from "#api/status.ts";
import type { ObjectSink } from "#apiserver/contract.ts";
import { FakeClock } from "#base/clock.ts";
import { nextTurn } from "#base/turn.ts";
import { ObjectFixture } from "#testing/object-fixture.ts";
import { QuotaCharger } from "./charger.ts";

const pods = measureOf({ group: "", plural: "pods" });
assert.ok(pods !== undefined);

function quota(
  name: string,
  hard: Record<string, string>,
  used: Record<string, string>,
): JsonObject {
  return {
    apiVersion: "v1",
    kind: "ResourceQuota",
    metadata: { name, namespace: "n" },
    status: { hard, used },
  };
}

function pod(cpu: number): JsonObject {
  const resources = { requests: { cpu: `${cpu}m` } };
  return { metadata: { name: "p" }, spec: { containers: [{ name: "c", resources }] } };
}

function usedOf(objects: ObjectFixture, name: string, resource: string): number {
  const status = childObject(objects.get("resourcequotas", "", "n", name), "status");
  return findQuantity(childString(childObject(status, "used"), resource) ?? "")?.milliValue() ?? 0;
}

/** Writes as a store does: another's write may come first, and then the change is asked again. */
function racing(objects: ObjectFixture, meddle: () => void): ObjectSink {
  return {
    ensure: (resource, group, object) => objects.ensure(resource, group, object),
    async change(resource, group, at, ...[change]) {
      const seen = objects.get(resource, group, at.namespace, at.name);
      if (seen === undefined) throw notFound({ group, plural: resource }, at.name);
      change(structuredClone(seen));
      await nextTurn();
      meddle();
      await objects.change(resource, group, at, change);
    },
  };
}

const arrivals = fc.array(
  fc.record({ cpu: fc.integer({ min: 1, max: 400 }), waits: fc.integer({ min: 0, max: 3 }) }),
  { maxLength: 40 },
);

test("QuotaCharger: many at once get no more than there is, and all that they get is written", async () => {
  await fc.assert(
    fc.asyncProperty(arrivals, fc.integer({ min: 0, max: 2_000 }), async (list, limit) => {
      const hard = { "requests.cpu": `${limit}m` };
      const objects = new ObjectFixture([
        quota("cpu", hard, { "requests.cpu": "0" }),
        quota("pods", { pods: "15" }, { pods: "0" }),
      ]);
      let meddled = 0;
      const sink = racing(objects, () => {
        // An administrator, or the controller, in between: here one who takes 10m for another pod.
        if (meddled >= 3 || usedOf(objects, "cpu", "requests.cpu") + 10 > limit) return;
        meddled++;
        const taken = usedOf(objects, "cpu", "requests.cpu") + 10;
        objects.put(quota("cpu", hard, { "requests.cpu": `${taken}m` }));
      });
      const charger = new QuotaCharger(objects, sink, new FakeClock());
      const outcomes = await Promise.all(
        list.map(async ({ cpu, waits }) => {
          for (let i = 0; i < waits; i++) await nextTurn();
          const charge = { measure: pods, object: pod(cpu), previous: undefined, isStatus: false };
          const why = await charger.charge("n", charge, false);
          assert.ok(why === undefined || why.startsWith("exceeded quota: "), why);
          return why === undefined ? cpu : 0;
        }),
      );
      const admitted = outcomes.filter((it) => it > 0);
      const taken = admitted.reduce((sum, it) => sum + it, 0) + 10 * meddled;
      assert.ok(taken <= limit, `${taken} of ${limit}`);
      assert.ok(admitted.length <= 15);
      // Charged may be more, where one quota had room and the other had none any more; never less.
      assert.ok(usedOf(objects, "cpu", "requests.cpu") >= taken);
      assert.ok(usedOf(objects, "pods", "pods") >= admitted.length * 1_000);
      if (meddled === 0) assert.equal(usedOf(objects, "cpu", "requests.cpu"), taken);
    }),
    { numRuns: 50 },
  );
});

test("QuotaCharger: those that wait for one write share the next", async () => {
  const objects = new ObjectFixture([quota("q", { pods: "100" }, { pods: "0" })]);
  const sink = racing(objects, () => undefined);
  const charger = new QuotaCharger(objects, sink, new FakeClock());
  const charge = { measure: pods, object: pod(1), previous: undefined, isStatus: false };
  const first = charger.charge("n", charge, false);
  await Promise.resolve();
  const rest = Array.from({ length: 50 }, () => charger.charge("n", charge, false));
  await Promise.all([first, ...rest]);
  assert.equal(usedOf(objects, "q", "pods"), 51_000);
  assert.deepEqual(objects.writes, ["change resourcequotas q", "change resourcequotas q"]);
});

test("QuotaCharger: a try is judged and charges nothing", async () => {
  const objects = new ObjectFixture([quota("q", { pods: "1" }, { pods: "0" })]);
  const charger = new QuotaCharger(objects, objects, new FakeClock());
  const charge = { measure: pods, object: pod(1), previous: undefined, isStatus: false };
  assert.equal(await charger.charge("n", charge, true), undefined);
  assert.equal(usedOf(objects, "q", "pods"), 0);
  assert.equal(await charger.charge("n", charge, false), undefined);
  const why = "exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1";
  assert.equal(await charger.charge("n", charge, true), why);
});

test("QuotaCharger: a quota that goes away limits nothing; a store that fails is told", async () => {
  const objects = new ObjectFixture([quota("q", { pods: "1" }, { pods: "0" })]);
  const charge = { measure: pods, object: pod(1), previous: undefined, isStatus: false };
  const gone: ObjectSink = {
    ensure: (resource, group, object) => objects.ensure(resource, group, object),
    change: () => Promise.reject(notFound({ group: "", plural: "resourcequotas" }, "q")),
  };
  const failing: ObjectSink = { ...gone, change: () => Promise.reject(new Error("no disk")) };
  const clock = new FakeClock();
  assert.equal(await new QuotaCharger(objects, gone, clock).charge("n", charge, false), undefined);
  await assert.rejects(new QuotaCharger(objects, failing, clock).charge("n", charge, false), {
    message: "no disk",
  });
});
