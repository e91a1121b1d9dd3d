import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod, PodDisruptionBudget, PodDisruptionBudgetSpec } from "#api/gen/types.ts";
import { planDisruption } from "./plan.ts";

const now = Date.UTC(2026, 0, 1);

/** `a`, `b!` not ready, `c-` going */
function pod(text: string): Pod {
  const status = text.endsWith("!") ? "False" : "True";
  const name = text.charAt(0);
  const going = text.endsWith("-") ? { deletionTimestamp: "2026-01-01T00:00:00Z" } : {};
  return { metadata: { name, ...going }, status: { conditions: [{ type: "Ready", status }] } };
}

const cases: [spec: PodDisruptionBudgetSpec, pods: string, scale: number, want: string][] = [
  [{ minAvailable: 2 }, "a b c", 3, "3/2 of 3: 1"],
  [{ minAvailable: 2 }, "a b c!", 3, "2/2 of 3: 0"],
  [{ minAvailable: 2 }, "a b c-", 3, "2/2 of 3: 0"],
  [{ minAvailable: "50%" }, "a b c", 3, "3/2 of 3: 1"],
  [{ minAvailable: "100%" }, "a b c", 3, "3/3 of 3: 0"],
  [{ maxUnavailable: 1 }, "a b c", 3, "3/2 of 3: 1"],
  [{ maxUnavailable: 1 }, "a b", 3, "2/2 of 3: 0"],
  [{ maxUnavailable: "34%" }, "a b c", 3, "3/1 of 3: 2"],
  [{ maxUnavailable: 5 }, "a b c", 3, "3/0 of 3: 3"],
  [{ minAvailable: 0 }, "", 0, "0/0 of 0: 0"],
];

for (const [spec, pods, scale, want] of cases) {
  test(`planDisruption: ${JSON.stringify(spec)} [${pods}] of ${scale} -> ${want}`, () => {
    const list = pods
      .split(" ")
      .filter((it) => it !== "")
      .map(pod);
    const { status } = planDisruption({ spec }, list, scale, now);
    const { currentHealthy, desiredHealthy, expectedPods, disruptionsAllowed } = status;
    assert.equal(
      `${String(currentHealthy)}/${String(desiredHealthy)} of ${String(expectedPods)}: ${String(disruptionsAllowed)}`,
      want,
    );
    const reason = Number(disruptionsAllowed) > 0 ? "SufficientPods" : "InsufficientPods";
    assert.equal(status.conditions?.[0]?.reason, reason);
  });
}

test("planDisruption: evictions under way count until their pods go, or for two minutes", () => {
  const at = (seconds: number): string => new Date(now - seconds * 1_000).toISOString();
  const disruptedPods = { a: at(30), b: at(130), x: at(10) };
  const budget: PodDisruptionBudget = {
    spec: { minAvailable: 1 },
    status: {
      disruptedPods,
      disruptionsAllowed: 0,
      currentHealthy: 0,
      desiredHealthy: 0,
      expectedPods: 0,
    },
  };
  const { status, afterMs } = planDisruption(budget, ["a", "b", "c"].map(pod), 3, now);
  assert.deepEqual(Object.keys(status.disruptedPods ?? {}), ["a"]);
  assert.equal(status.currentHealthy, 2);
  assert.equal(afterMs, 90_000);
});
