import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "#api/gen/types.ts";
import { planPodCollection, terminatedMax } from "./plan.ts";

function pod(name: string, attributes = "", age = 0): Pod {
  const has = (it: string): boolean => attributes.includes(it);
  return {
    metadata: {
      name,
      creationTimestamp: new Date(1_700_000_000_000 - age * 1_000).toISOString(),
      ...(has("deleting") ? { deletionTimestamp: "2026-01-01T00:00:00Z" } : {}),
    },
    spec: { containers: [], nodeName: has("unbound") ? "" : has("lost") ? "gone" : "n" },
    status: { phase: has("done") ? "Failed" : "Running" },
  };
}

const cases: [pod: Pod, want: string][] = [
  [pod("running"), ""],
  [pod("finished", "done"), ""],
  [pod("leaving", "deleting"), ""],
  [pod("pending", "unbound"), ""],
  [pod("never-bound", "unbound deleting"), "unscheduled"],
  [pod("homeless", "lost"), "orphaned"],
  [pod("homeless-leaving", "lost deleting"), "orphaned"],
];

for (const [given, want] of cases) {
  test(`planPodCollection: ${given.metadata?.name ?? ""} -> [${want}]`, () => {
    const got = planPodCollection([given], new Set(["gone"])).map((it) => it.reason);
    assert.equal(got.join(), want);
  });
}

test("planPodCollection: finished pods beyond the limit go, the oldest first", () => {
  const pods = Array.from({ length: terminatedMax + 2 }, (_, i) => pod(`p${i}`, "done", i));
  const names = planPodCollection(pods, new Set()).map((it) => it.pod.metadata?.name);
  assert.deepEqual(names, [`p${terminatedMax + 1}`, `p${terminatedMax}`]);
});
