import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Node, Pod, Taint, Toleration } from "#api/gen/types.ts";
import { NodeHealth } from "./health.ts";
import { evictionsPerSecond, evictionTime, graceMs, planNode, type NodePlan } from "./plan.ts";

const now = Date.UTC(2026, 0, 1);

/** `Ready=True DiskPressure=True cordoned taint=mine:NoSchedule`. */
function node(text: string): Node {
  const words = text.split(" ").filter((it) => it !== "");
  const taints: Taint[] = [];
  const conditions = [];
  for (const word of words) {
    const [key = "", value = ""] = word.split("=");
    const [name = "", effect = ""] = value.split(":");
    if (key === "taint") taints.push({ key: name, effect });
    else if (key !== "cordoned") conditions.push({ type: key, status: value });
  }
  const unschedulable = words.includes("cordoned");
  return { metadata: { name: "n" }, spec: { taints, unschedulable }, status: { conditions } };
}

function show(plan: NodePlan): string {
  const conditions = plan.conditions.map((it) => `${it.type}=${it.status}`);
  const taints = plan.taints?.map((it) => `${it.key.split("/")[1] ?? it.key}:${it.effect}`);
  return [...conditions, ...(taints === undefined ? [] : [`[${taints.join(" ")}]`])].join(" ");
}

const unknown = "Ready=Unknown MemoryPressure=Unknown DiskPressure=Unknown PIDPressure=Unknown";
const cases: [node: string, silentMs: number, mayEvict: boolean, want: string][] = [
  ["Ready=True", 0, true, ""],
  ["Ready=True", graceMs - 1, true, ""],
  ["", 59_999, true, ""],
  ["", 60_000, true, `${unknown} [unreachable:NoSchedule unreachable:NoExecute]`],
  ["Ready=True", graceMs, true, `${unknown} [unreachable:NoSchedule unreachable:NoExecute]`],
  ["Ready=True", graceMs, false, `${unknown} [unreachable:NoSchedule]`],
  ["Ready=False", 0, true, "[not-ready:NoSchedule not-ready:NoExecute]"],
  ["Ready=False", 0, false, "[not-ready:NoSchedule]"],
  [
    "Ready=True taint=node.kubernetes.io/not-ready:NoExecute taint=mine:NoSchedule",
    0,
    true,
    "[mine:NoSchedule]",
  ],
  ["Ready=True DiskPressure=True", 0, true, "[disk-pressure:NoSchedule]"],
  ["Ready=True cordoned", 0, true, "[unschedulable:NoSchedule]"],
  ["Ready=True cordoned taint=node.kubernetes.io/unschedulable:NoSchedule", 0, true, ""],
];

for (const [given, silentMs, mayEvict, want] of cases) {
  test(`planNode: [${given}] silent ${silentMs}${mayEvict ? "" : " held"} -> [${want}]`, () => {
    assert.equal(show(planNode({ node: node(given), silentMs, mayEvict, now })), want);
  });
}

test("planNode: applied once, it has nothing left to do, and foreign taints stay", () => {
  const status = fc.constantFrom("True", "False", "Unknown");
  const silence = fc.constantFrom(0, graceMs, 100_000);
  fc.assert(
    fc.property(status, status, silence, fc.boolean(), (ready, disk, silentMs, mayEvict) => {
      const given = node(`Ready=${ready} DiskPressure=${disk} taint=mine:NoExecute`);
      const first = planNode({ node: given, silentMs, mayEvict, now });
      const changed = new Map((given.status?.conditions ?? []).map((it) => [it.type, it]));
      for (const it of first.conditions) changed.set(it.type, it);
      const taints = first.taints ?? given.spec?.taints ?? [];
      assert.ok(taints.some((it) => it.key === "mine"));
      const after = { ...given, spec: { taints }, status: { conditions: [...changed.values()] } };
      assert.equal(show(planNode({ node: after, silentMs, mayEvict, now: now + 1_000 })), "");
    }),
  );
});

const gone: Taint = {
  key: "node.kubernetes.io/unreachable",
  effect: "NoExecute",
  timeAdded: "2025-12-31T23:59:00Z",
};

const evictions: [tolerations: Toleration[], want: number | undefined][] = [
  [[], 0],
  [[{ operator: "Exists" }], undefined],
  [[{ key: gone.key, operator: "Exists", effect: "NoExecute", tolerationSeconds: 300 }], 240_000],
  [[{ key: gone.key, operator: "Exists", tolerationSeconds: 30 }], -30_000],
  [[{ key: gone.key, operator: "Exists", tolerationSeconds: -5 }], -60_000],
  [[{ key: "other", operator: "Exists" }], 0],
  [[{ key: gone.key, value: "x" }], 0],
  [[{ key: gone.key, effect: "NoSchedule", operator: "Exists" }], 0],
];

for (const [tolerations, want] of evictions) {
  test(`evictionTime: ${JSON.stringify(tolerations)} -> ${want ?? "stays"}`, () => {
    const pod: Pod = { spec: { containers: [], tolerations } };
    const at = evictionTime(pod, [gone, { key: "x", effect: "NoSchedule" }], now);
    assert.equal(at === undefined ? undefined : at - now, want);
  });
}

const zones: [ready: number, notReady: number, allDown: boolean, want: number][] = [
  [10, 1, false, 0.1],
  [0, 3, true, 0],
  [0, 3, false, 0.1],
  [2, 8, false, 0],
  [20, 80, false, 0.01],
  [1, 2, false, 0.1],
];

for (const [ready, notReady, allDown, want] of zones) {
  test(`evictionsPerSecond: ${ready} ready, ${notReady} not${allDown ? ", all down" : ""} -> ${want}`, () => {
    assert.equal(evictionsPerSecond({ ready, notReady }, allDown), want);
  });
}

test("NodeHealth: a changed lease is a sign of life, whatever time it tells", () => {
  const health = new NodeHealth();
  const given = node("Ready=True");
  const lease = (renewTime: string): object => ({ spec: { renewTime } });
  const got = [
    health.observe(given, lease("2026-01-01T00:00:00Z"), 1_000),
    health.observe(given, lease("2026-01-01T00:00:00Z"), 6_000),
    health.observe(given, lease("2020-01-01T00:00:00Z"), 9_000),
    health.observe(given, lease("2020-01-01T00:00:00Z"), 10_000),
  ];
  assert.deepEqual(got, [0, 5_000, 0, 1_000]);
});
