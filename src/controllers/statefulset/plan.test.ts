import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Pod, StatefulSet, StatefulSetSpec } from "#api/gen/types.ts";
import { planStatefulSet, revisionOf, type StatefulSetPlan } from "./plan.ts";
import { replicaClaims, replicaPod } from "./replica.ts";

const now = Date.UTC(2026, 0, 1);
const revisions = { current: "old", update: "new" };

function setOf(spec: Partial<StatefulSetSpec>): StatefulSet {
  const template = { spec: { containers: [{ name: "c", image: "i" }] } };
  const selector = { matchLabels: { app: "db" } };
  return {
    metadata: { name: "db", namespace: "n", uid: "u" },
    spec: { replicas: 3, selector, template, serviceName: "db", ...spec },
  };
}

/** `db-0`, with `!` not ready, `-` going, `x` failed, `'` of the new revision. */
function pod(text: string): Pod {
  const name = text.replaceAll(/[!'x-]+$/g, "");
  const isReady = !/[!x]/.test(text.slice(name.length));
  const revision = text.includes("'") ? "new" : "old";
  return {
    metadata: {
      name,
      uid: name,
      labels: { "controller-revision-hash": revision },
      ...(text.endsWith("-") ? { deletionTimestamp: "2026-01-01T00:00:00Z" } : {}),
    },
    status: {
      phase: text.endsWith("x") ? "Failed" : "Running",
      conditions: [{ type: "Ready", status: isReady ? "True" : "False" }],
    },
  };
}

function show({ create, remove }: StatefulSetPlan): string {
  return [
    ...create.map((it) => `+${it.ordinal}${it.revision === "new" ? "'" : ""}`),
    ...remove.map((it) => `-${it.metadata?.name?.slice(3) ?? ""}`),
  ].join(" ");
}

function rolling(
  rollingUpdate: NonNullable<StatefulSetSpec["updateStrategy"]>["rollingUpdate"],
  podManagementPolicy = "OrderedReady",
): Partial<StatefulSetSpec> {
  return { updateStrategy: { rollingUpdate }, podManagementPolicy };
}

const cases: [spec: Partial<StatefulSetSpec>, pods: string, want: string][] = [
  [{}, "", "+0'"],
  [{}, "db-0'", "+1'"],
  [{}, "db-0'!", ""],
  [{}, "db-0' db-1' db-2'", ""],
  [{}, "db-0' db-2'", "+1'"],
  [{}, "db-0'x db-1'", "-0"],
  [{}, "db-0'- db-1'", ""],
  [{ ordinals: { start: 5 }, replicas: 2 }, "db-5'", "+6'"],
  [{ replicas: 1 }, "db-0' db-1' db-2'", "-2"],
  [{ replicas: 1 }, "db-0' db-1' db-2'-", ""],
  [{ replicas: 0 }, "db-0'", "-0"],
  [{ replicas: 0 }, "db-0'! db-1' db-2'", "-2"],
  [{ replicas: 0 }, "db-0' db-1'!", "-1"],
  [{ replicas: 0 }, "db-0'! db-1' db-2'!", ""],
  [{ replicas: 0 }, "db-0'! db-1'x", "-1"],
  // Rolling update, from the highest.
  [{}, "db-0 db-1 db-2", "-2"],
  [{}, "db-0 db-1 db-2'!", ""],
  [{}, "db-0 db-1 db-2'", "-1"],
  [{}, "db-0! db-1 db-2'", ""],
  [{ updateStrategy: { rollingUpdate: { partition: 2 } } }, "db-0 db-1 db-2'", ""],
  [{ updateStrategy: { rollingUpdate: { partition: 2 } } }, "db-1 db-2'", "+0"],
  [{ updateStrategy: { type: "OnDelete" } }, "db-0 db-1 db-2", ""],
  [{ updateStrategy: { type: "OnDelete" } }, "db-0 db-1", "+2'"],
  // Several of it at a time.
  [rolling({ maxUnavailable: 2 }), "db-0 db-1 db-2", "-2 -1"],
  [rolling({ maxUnavailable: 2 }), "db-0 db-1 db-2'!", ""],
  [rolling({ maxUnavailable: 2 }, "Parallel"), "db-0 db-1 db-2'!", "-1"],
  [rolling({ maxUnavailable: 2 }, "Parallel"), "db-0 db-1- db-2'!", ""],
  [rolling({ maxUnavailable: 2, partition: 2 }), "db-0 db-1 db-2", "-2"],
  [rolling({ maxUnavailable: "50%" }), "db-0 db-1 db-2", "-2"],
  [rolling({ maxUnavailable: "10%" }), "db-0 db-1 db-2", "-2"],
  [rolling({ maxUnavailable: "100%" }), "db-0 db-1' db-2", "-2 -0"],
  [rolling({ maxUnavailable: 1 }, "Parallel"), "db-0! db-1 db-2", ""],
  // All at once.
  [{ podManagementPolicy: "Parallel" }, "", "+0' +1' +2'"],
  [{ podManagementPolicy: "Parallel" }, "db-1'!", "+0' +2'"],
  [{ podManagementPolicy: "Parallel", replicas: 1 }, "db-0' db-1' db-2'", "-2 -1"],
  [{ podManagementPolicy: "Parallel" }, "db-0 db-1 db-2", "-2"],
];

for (const [spec, given, want] of cases) {
  test(`planStatefulSet: ${JSON.stringify(spec)} [${given}] -> [${want}]`, () => {
    const pods = given
      .split(" ")
      .filter((it) => it !== "")
      .map(pod);
    assert.equal(show(planStatefulSet(setOf(spec), pods, revisions, now)), want);
  });
}

test("planStatefulSet: whatever is there, it comes to what is asked for, one at a time", () => {
  const states = fc.constantFrom("", "!", "'", "'!", "x");
  const start = fc.uniqueArray(fc.tuple(fc.nat(6), states), { selector: ([it]) => it });
  fc.assert(
    fc.property(start, fc.nat(5), (given, replicas) => {
      const set = setOf({ replicas });
      let pods = given.map(([ordinal, state]) => pod(`db-${ordinal}${state}`));
      for (let round = 0; round < 60; round += 1) {
        const plan = planStatefulSet(set, pods, revisions, now);
        assert.ok(plan.create.length + plan.remove.length <= 1);
        const gone = new Set(plan.remove);
        pods = pods
          .filter((it) => !gone.has(it))
          .map((it) => pod(`${it.metadata?.name ?? ""}${revisionOf(it) === "new" ? "'" : ""}`));
        for (const it of plan.create) pods.push(pod(`db-${it.ordinal}'!`));
      }
      const plan = planStatefulSet(set, pods, revisions, now);
      assert.deepEqual(
        pods.map((it) => it.metadata?.name).sort(),
        Array.from({ length: replicas }, (_, it) => `db-${it}`),
      );
      assert.ok(plan.isComplete);
    }),
  );
});

test("a replica has its name, its place, and its claims", () => {
  const claim = { metadata: { name: "data" }, spec: { accessModes: ["ReadWriteOnce"] } };
  const set = setOf({ volumeClaimTemplates: [claim] });
  const made = replicaPod(set, set.spec?.template ?? {}, { ordinal: 2, revision: "new" });
  assert.equal(made.metadata?.name, "db-2");
  assert.equal(made.metadata.labels?.["apps.kubernetes.io/pod-index"], "2");
  assert.equal(made.spec?.hostname, "db-2");
  assert.equal(made.spec.subdomain, "db");
  const [volume] = made.spec.volumes ?? [];
  assert.equal(volume?.persistentVolumeClaim?.claimName, "data-db-2");
  const [claimed] = replicaClaims(set, 2);
  assert.equal(claimed?.metadata?.name, "data-db-2");
  assert.deepEqual(claimed.metadata.labels, { app: "db" });
});
