import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Deployment, ReplicaSet } from "#api/gen/types.ts";
import { boundsOf } from "./bounds.ts";
import { planDeployment, type DeploymentStep } from "./plan.ts";
import { deploymentStatus } from "./status.ts";
import { canonicalTemplate, templateHash } from "./template-hash.ts";

const now = Date.UTC(2026, 0, 1);

interface Shape {
  readonly image?: string;
  readonly replicas?: number;
  readonly surge?: number | string;
  readonly unavailable?: number | string;
  readonly recreate?: boolean;
  readonly paused?: boolean;
  readonly limit?: number;
}

function deployment(shape: Shape, status = {}): Deployment {
  const { image = "new", replicas = 10, surge = "25%", unavailable = "25%" } = shape;
  return {
    metadata: { namespace: "d", name: "web", uid: "u", generation: 1, annotations: {} },
    spec: {
      replicas,
      selector: { matchLabels: { app: "web" } },
      template: { spec: { containers: [{ name: "c", image }] } },
      revisionHistoryLimit: shape.limit ?? 10,
      progressDeadlineSeconds: 600,
      paused: shape.paused ?? false,
      strategy:
        shape.recreate === true
          ? { type: "Recreate" }
          : {
              type: "RollingUpdate",
              rollingUpdate: { maxSurge: surge, maxUnavailable: unavailable },
            },
    },
    status,
  };
}

let serial = 0;

/** `new:5/3@2` has image new, 5 replicas of which 3 are available, and revision 2. */
function replicaSet(text: string, scaledFor = 10, surge = 3): ReplicaSet {
  const [, image = "", size = "0", available = "0", revision = "1"] =
    /^(\w+):(\d+)\/(\d+)(?:@(\d+))?$/.exec(text) ?? [];
  const replicas = Number(size);
  return {
    metadata: {
      namespace: "d",
      name: `web-${image}`,
      uid: image,
      creationTimestamp: `2026-01-01T00:00:${String(serial++ % 60).padStart(2, "0")}Z`,
      annotations: {
        "deployment.kubernetes.io/revision": revision,
        "deployment.kubernetes.io/desired-replicas": String(scaledFor),
        "deployment.kubernetes.io/max-replicas": String(scaledFor + surge),
      },
    },
    spec: {
      replicas,
      selector: {},
      template: { spec: { containers: [{ name: "c", image }] } },
    },
    status: { replicas, availableReplicas: Number(available), readyReplicas: Number(available) },
  };
}

function show(step: DeploymentStep): string {
  switch (step.kind) {
    case "create":
      return `create ${step.replicas}@${step.revision}`;
    case "update":
      return `${step.replicaSet.metadata?.name?.slice(4) ?? ""}=${step.replicas}`;
    case "set-revision":
      return `revision ${step.revision}`;
    case "delete":
      return `delete ${step.replicaSet.metadata?.name?.slice(4) ?? ""}`;
  }
}

const cases: [shape: Shape, sets: string, want: string][] = [
  [{}, "", "create 10@1"],
  [{ replicas: 0 }, "", "create 0@1"],
  // 13 at most, 8 available at least.
  [{}, "old:10/10", "create 3@2"],
  [{}, "old:10/10 new:3/0@2", "old=8, revision 2"],
  [{}, "old:8/8 new:3/0@2", "new=5, revision 2"],
  [{}, "old:8/8 new:5/0@2", "revision 2"],
  [{}, "old:8/8 new:5/5@2", "old=3, revision 2"],
  [{}, "old:3/3 new:10/8@2", "old=0, revision 2"],
  // Replicas that never became available go first.
  [{}, "old:10/2 new:3/0@2", "old=8, revision 2"],
  // A second rollout on top of the first.
  [{}, "older:5/5 old:5/1@2", "create 3@3"],
  // A rollback: the old template is the current one again, and gets the next number.
  [{ image: "old" }, "old:0/0@1 new:10/10@2", "old=3, revision 3"],
  // Numbers beyond what a double holds.
  [{}, "old:10/10@3546343826724305832", "create 3@3546343826724305833"],
  // Recreate: first nothing, then everything.
  [{ recreate: true }, "old:10/10", "old=0"],
  [{ recreate: true }, "old:0/0", "create 10@2"],
  // Scaled from 10 to 20 in the middle: in proportion.
  [{ replicas: 20, surge: 3 }, "old:8/8 new:5/5@2", "old=14, new=9, revision 2"],
  [{ replicas: 5, surge: 3 }, "old:8/8 new:5/5@2", "old=5, new=3, revision 2"],
  [{ paused: true }, "old:10/10", ""],
  [{ paused: true, replicas: 4 }, "old:10/10", "old=4"],
];

for (const [shape, sets, want] of cases) {
  test(`planDeployment: ${JSON.stringify(shape)} with [${sets}] -> [${want}]`, () => {
    const input = {
      deployment: deployment(shape),
      replicaSets: sets === "" ? [] : sets.split(" ").map((it) => replicaSet(it)),
      oldPodsRunning: false,
    };
    const got = planDeployment(input)
      .map(show)
      .filter((it) => {
        const [name = "", size] = it.split("=");
        // Only annotations differ: not what these cases are about.
        return size === undefined || !sets.includes(`${name}:${size}/`);
      });
    assert.equal(got.join(", "), want);
  });
}

test("planDeployment: Recreate waits for the last old pod", () => {
  const input = {
    deployment: deployment({ recreate: true }),
    replicaSets: [replicaSet("old:0/0")],
    oldPodsRunning: true,
  };
  assert.deepEqual(planDeployment(input), []);
});

test("planDeployment: history beyond the limit goes, oldest first, once the rollout is complete", () => {
  const given = deployment(
    { limit: 1, replicas: 1 },
    { replicas: 1, updatedReplicas: 1, availableReplicas: 1, observedGeneration: 1 },
  );
  const sets = ["a:0/0@1", "b:0/0@2", "c:0/0@3", "new:1/1@4"].map((it) => replicaSet(it, 1, 1));
  const steps = planDeployment({ deployment: given, replicaSets: sets, oldPodsRunning: false });
  const deleted = steps.filter((it) => it.kind === "delete").map(show);
  assert.deepEqual(deleted, ["delete a", "delete b"]);
});

/** A world in which ReplicaSets have their pods at once, and pods become available when told. */
class World {
  readonly sets = new Map<string, { revision: bigint; size: number; available: number }>();
  annotations = new Map<string, Record<string, string>>();
  readonly order: string[] = [];

  replicaSets(): ReplicaSet[] {
    return this.order.map((image, i) => {
      const { size = 0, available = 0 } = this.sets.get(image) ?? {};
      const made = replicaSet(`${image}:${size}/${available}`);
      const creationTimestamp = `2026-01-01T00:${String(i).padStart(2, "0")}:00Z`;
      const annotations = this.annotations.get(image) ?? {};
      return { ...made, metadata: { ...made.metadata, creationTimestamp, annotations } };
    });
  }

  apply(step: DeploymentStep, image: string): void {
    if (step.kind === "create") {
      this.order.push(image);
      this.sets.set(image, { revision: step.revision, size: step.replicas, available: 0 });
      this.annotations.set(image, {
        "deployment.kubernetes.io/revision": String(step.revision),
      });
    }
    if (step.kind !== "update") return;
    const name = step.replicaSet.metadata?.uid ?? "";
    const set = this.sets.get(name);
    assert.ok(set !== undefined);
    // Those that are not available go first, as the ReplicaSet controller does.
    set.available = Math.min(set.available, step.replicas);
    set.size = step.replicas;
    this.annotations.set(name, { ...this.annotations.get(name), ...step.annotations });
  }

  total(of: "size" | "available"): number {
    return [...this.sets.values()].reduce((sum, it) => sum + it[of], 0);
  }
}

test("planDeployment: any rollouts converge, within surge and availability", () => {
  const percent = fc.oneof(
    fc.nat(5),
    fc.nat(100).map((it) => `${it}%`),
  );
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 20 }),
      percent,
      percent,
      fc.array(fc.record({ image: fc.constantFrom("a", "b", "c"), steps: fc.nat(6) })),
      (replicas, surge, unavailable, rollouts) => {
        const world = new World();
        const images = [...rollouts, { image: "final", steps: 80 }];
        let wasAvailable = false;
        for (const { image, steps } of images) {
          const target = deployment({ image, replicas, surge, unavailable });
          const bounds = boundsOf(target);
          for (let i = 0; i < steps; i++) {
            const input = { deployment: target, replicaSets: world.replicaSets() };
            for (const step of planDeployment({ ...input, oldPodsRunning: false })) {
              world.apply(step, image);
            }
            assert.ok(world.total("size") <= replicas + bounds.maxSurge, "surge");
            if (wasAvailable) {
              assert.ok(world.total("available") >= replicas - bounds.maxUnavailable, "available");
            }
            // One more pod becomes available.
            const next = [...world.sets.values()].find((it) => it.available < it.size);
            if (next !== undefined) next.available++;
            wasAvailable ||= world.total("available") >= replicas - bounds.maxUnavailable;
          }
        }
        assert.deepEqual(world.sets.get("final")?.size, replicas);
        assert.equal(world.total("size"), replicas);
      },
    ),
    { numRuns: 40 },
  );
});

const bounds: [shape: Shape, surge: number, unavailable: number][] = [
  [{ replicas: 10 }, 3, 2],
  [{ replicas: 1 }, 1, 0],
  [{ replicas: 10, surge: 0, unavailable: 0 }, 0, 1],
  [{ replicas: 2, surge: 0, unavailable: 5 }, 0, 2],
  [{ recreate: true }, 0, 0],
];

for (const [shape, surge, unavailable] of bounds) {
  test(`boundsOf: ${JSON.stringify(shape)} -> surge ${surge}, unavailable ${unavailable}`, () => {
    const got = boundsOf(deployment(shape));
    assert.deepEqual([got.maxSurge, got.maxUnavailable], [surge, unavailable]);
  });
}

/** The Progressing condition as `Status Reason`. */
function progress(given: Deployment, sets: string, created?: string): string {
  const replicaSets = sets === "" ? [] : sets.split(" ").map((it) => replicaSet(it));
  const { conditions = [] } = deploymentStatus({ deployment: given, replicaSets, created, now });
  const found = conditions.find((it) => it.type === "Progressing");
  return found === undefined ? "" : `${found.status} ${found.reason ?? ""}: ${found.message ?? ""}`;
}

function condition(reason: string, lastUpdateTime: string, status = "True"): object {
  return { conditions: [{ type: "Progressing", status, reason, lastUpdateTime }] };
}

test("deploymentStatus: Progressing tells created, progressing, available and timed out", () => {
  const late = "2025-12-31T23:00:00Z";
  const recent = "2025-12-31T23:59:00Z";
  const counts = { replicas: 5, updatedReplicas: 5, readyReplicas: 5, availableReplicas: 5 };
  assert.deepEqual(
    [
      progress(deployment({}), "", "web-new"),
      progress(deployment({}), "new:5/0"),
      progress(deployment({}), "new:10/10"),
      progress(deployment({}, { ...condition("ReplicaSetUpdated", late), ...counts }), "new:5/5"),
      progress(deployment({}, { ...condition("ReplicaSetUpdated", recent), ...counts }), "new:5/5"),
      progress(deployment({ paused: true }), "new:5/5"),
    ],
    [
      'True NewReplicaSetCreated: Created new replica set "web-new"',
      'True ReplicaSetUpdated: ReplicaSet "web-new" is progressing.',
      'True NewReplicaSetAvailable: ReplicaSet "web-new" has successfully progressed.',
      'False ProgressDeadlineExceeded: ReplicaSet "web-new" has timed out progressing.',
      "True ReplicaSetUpdated: ",
      "Unknown DeploymentPaused: Deployment is paused",
    ],
  );
});

test("deploymentStatus: counts, and the Available condition", () => {
  const status = deploymentStatus({
    deployment: deployment({}),
    replicaSets: [replicaSet("old:4/4"), replicaSet("new:8/3@2")],
    now,
  });
  const { conditions, ...rest } = status;
  assert.deepEqual(rest, {
    observedGeneration: 1,
    replicas: 12,
    updatedReplicas: 8,
    readyReplicas: 7,
    availableReplicas: 7,
    unavailableReplicas: 5,
    terminatingReplicas: 0,
  });
  const available = conditions?.find((it) => it.type === "Available");
  assert.equal(available?.reason, "MinimumReplicasUnavailable");
});

test("templateHash: the same for equal templates, and not for others or after a collision", () => {
  const template = { metadata: { labels: { a: "1", b: "2" } }, spec: { containers: [] } };
  const same = {
    spec: { containers: [] },
    metadata: { labels: { b: "2", a: "1", "pod-template-hash": "x" } },
  };
  assert.equal(canonicalTemplate(template), canonicalTemplate(same));
  assert.equal(templateHash(template, 0), templateHash(same, 0));
  assert.notEqual(templateHash(template, 0), templateHash(template, 1));
  assert.match(templateHash(template, 0), /^[bcdfghjklm]{1,10}$/);
});
