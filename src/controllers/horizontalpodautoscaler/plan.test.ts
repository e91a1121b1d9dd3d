import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type {
  HPAScalingRulesV2,
  HorizontalPodAutoscalerSpecV2,
  MetricSpecV2,
  Pod,
} from "#api/gen/types.ts";
import { limit, noMemory, type Memory } from "./behavior.ts";
import { usagesOf, type PodMetrics } from "./metrics.ts";
import { planScale, type ScalePlan } from "./plan.ts";

const now = Date.UTC(2026, 0, 1, 12);
const long = "2026-01-01T00:00:00Z";

/** `100m/500`: a pod that requests 100m and uses 500m; `?` for unknown, `!` not ready, `pending`. */
function pods(text: string): { pods: Pod[]; metrics: PodMetrics[] } {
  const made: Pod[] = [];
  const metrics: PodMetrics[] = [];
  for (const [index, word] of text.split(" ").entries()) {
    const [request = "", used = ""] = word.replace("!", "").split("/");
    const name = `p${index}`;
    const status = word.endsWith("!") ? "False" : "True";
    const phase = used === "pending" ? "Pending" : "Running";
    const requests = request === "" ? {} : { cpu: request };
    made.push({
      metadata: { name },
      spec: { containers: [{ name: "c", image: "i", resources: { requests } }] },
      status: {
        phase,
        startTime: long,
        conditions: [{ type: "Ready", status, lastTransitionTime: long }],
      },
    });
    if (used === "?" || phase === "Pending") continue;
    const timestamp = new Date(now).toISOString();
    const containers = [{ name: "c", usage: { cpu: `${used}m`, memory: "1Mi" } }];
    metrics.push({ metadata: { name }, timestamp, window: "15s", containers });
  }
  return { pods: made, metrics };
}

function utilization(percent: number): MetricSpecV2 {
  const target = { type: "Utilization", averageUtilization: percent };
  return { type: "Resource", resource: { name: "cpu", target } };
}

function averageValue(value: string): MetricSpecV2 {
  const target = { type: "AverageValue", averageValue: value };
  return { type: "Resource", resource: { name: "cpu", target } };
}

function plan(
  given: string,
  spec: Partial<HorizontalPodAutoscalerSpecV2>,
  current?: number,
): ScalePlan {
  const it = pods(given);
  const whole = { maxReplicas: 100, scaleTargetRef: { kind: "Deployment", name: "d" }, ...spec };
  const behavior = { scaleDown: { stabilizationWindowSeconds: 0 }, ...spec.behavior };
  return planScale(
    { ...whole, behavior },
    { ...it, current: current ?? it.pods.length, now },
    noMemory,
  );
}

const cases: [pods: string, metric: MetricSpecV2, want: number | string][] = [
  // As upstream's table of its calculator has them.
  ["1000m/300 1000m/500 1000m/700", utilization(30), 5],
  ["1000m/300! 1000m/500 1000m/700", utilization(30), 4],
  ["1000m/100 1000m/200 1000m/300 1000m/400 1000m/500", utilization(100), 2],
  ["100m/100 100m/100 100m/100", utilization(100), 3],
  ["100m/105 100m/105 100m/105", utilization(100), 3],
  ["100m/111 100m/111 100m/111", utilization(100), 4],
  ["100m/10 100m/10", utilization(50), 1],
  ["100m/200 100m/?", utilization(50), 4],
  ["100m/10 100m/?", utilization(100), 2],
  ["100m/200 100m/pending", utilization(100), 2],
  ["100m/?", utilization(50), "did not receive metrics"],
  ["/50", utilization(50), "missing request for cpu in container c of Pod p0"],
  ["100m/400 100m/200", averageValue("100m"), 6],
  ["/50 /50 /50 /50", averageValue("100m"), 2],
];

for (const [given, metric, want] of cases) {
  test(`planScale: ${given} to ${JSON.stringify(metric.resource?.target)} -> ${want}`, () => {
    const got = plan(given, {
      metrics: [metric],
      behavior: { scaleUp: { policies: [{ type: "Pods", value: 99, periodSeconds: 15 }] } },
    });
    if (typeof want === "number") {
      assert.equal(got.replicas, want);
      assert.equal(got.conditions[0]?.reason, "ValidMetricFound");
    } else {
      assert.match(got.faults[0]?.message ?? "", new RegExp(want));
      assert.equal(got.conditions[0]?.reason, "FailedGetResourceMetric");
      assert.equal(got.replicas, 1);
    }
  });
}

test("planScale: bounds hold, zero replicas switch it off, and the most of all metrics counts", () => {
  const metrics = [utilization(50)];
  assert.equal(plan("100m/10 100m/10 100m/10", { metrics, minReplicas: 2 }).replicas, 2);
  assert.equal(plan("100m/500 100m/500", { metrics, maxReplicas: 3 }).replicas, 3);
  assert.equal(plan("100m/50", { metrics, maxReplicas: 3 }, 9).replicas, 3);
  const off = plan("100m/50", { metrics }, 0);
  assert.deepEqual([off.replicas, off.conditions[0]?.reason], [0, "ScalingDisabled"]);
  const both = plan("100m/100 100m/100", { metrics: [utilization(100), averageValue("50m")] });
  assert.equal(both.replicas, 4);
});

test("planScale: events and conditions have upstream's words", () => {
  const metrics = [utilization(50), { type: "Pods", pods: undefined }];
  const unknown = plan("/50", { metrics });
  assert.deepEqual(
    unknown.faults.map((it) => it.reason),
    ["FailedGetResourceMetric", "InvalidMetricSourceType", "FailedComputeMetricsReplicas"],
  );
  assert.match(
    unknown.faults.at(-1)?.message ?? "",
    /^invalid metrics \(2 invalid out of 2\), first error is: failed to get cpu resource metric value: failed to get cpu utilization: /,
  );
  const above = plan("100m/500", { metrics: [utilization(50)], maxReplicas: 3 });
  assert.match(above.why, /^cpu resource utilization \(percentage of request\) above target$/);
  const able = above.conditions.find((it) => it.type === "AbleToScale");
  assert.deepEqual(
    [able?.reason, able?.message],
    ["SucceededRescale", "the HPA controller was able to update the target scale to 3"],
  );
  const scaleDown = { stabilizationWindowSeconds: 0 };
  const down = { metrics: [utilization(50)], minReplicas: 1, behavior: { scaleDown } };
  assert.equal(plan("100m/1 100m/1", down).why, "All metrics below target");
});

test("planScale: with a metric unknown, replicas are added but none taken away", () => {
  const external = {
    type: "External",
    external: { metric: { name: "queue" }, target: { type: "Value", value: "1" } },
  };
  const fewer = plan("100m/10 100m/10", { metrics: [utilization(100), external] });
  assert.equal(fewer.replicas, 2);
  assert.equal(fewer.faults[0]?.reason, "FailedGetExternalMetric");
  assert.equal(plan("100m/200 100m/200", { metrics: [utilization(100), external] }).replicas, 4);
});

function memory(recommendations: string, changes = ""): Memory {
  const read = (text: string): [number, number][] =>
    text
      .split(" ")
      .filter((it) => it !== "")
      .map((it) => {
        const [ago = 0, value = 0] = it.split(":").map(Number);
        return [now - ago * 1_000, value];
      });
  return {
    recommendations: read(recommendations).map(([timeMs, replicas]) => ({ timeMs, replicas })),
    changes: read(changes).map(([timeMs, by]) => ({ timeMs, by })),
  };
}

const pods4: HPAScalingRulesV2 = { policies: [{ type: "Pods", value: 4, periodSeconds: 60 }] };
const bounds: [
  what: string,
  behavior: { scaleUp?: HPAScalingRulesV2; scaleDown?: HPAScalingRulesV2 },
  change: [number, number],
  past: Memory,
  want: string,
][] = [
  ["by default doubled", {}, [10, 50], noMemory, "20 ScaleUpLimit"],
  ["by default four more", {}, [1, 50], noMemory, "5 ScaleUpLimit"],
  ["down waits for five minutes", {}, [10, 2], memory("200:8 400:10"), "8 ScaleDownStabilized"],
  ["down after five minutes", {}, [10, 2], memory("400:10"), "2"],
  ["four a minute", { scaleUp: pods4 }, [10, 50], noMemory, "14 ScaleUpLimit"],
  ["three of four used up", { scaleUp: pods4 }, [10, 50], memory("", "30:3"), "11 ScaleUpLimit"],
  ["used up long ago", { scaleUp: pods4 }, [10, 50], memory("", "90:3"), "14 ScaleUpLimit"],
  [
    "up not at all",
    { scaleUp: { selectPolicy: "Disabled" } },
    [10, 50],
    noMemory,
    "10 ScaleUpLimit",
  ],
  [
    "up waits",
    { scaleUp: { stabilizationWindowSeconds: 60 } },
    [10, 15],
    memory("30:12"),
    "12 ScaleUpStabilized",
  ],
  [
    "down by a tenth, at least one policy",
    {
      scaleDown: {
        stabilizationWindowSeconds: 0,
        selectPolicy: "Min",
        policies: [
          { type: "Percent", value: 10, periodSeconds: 60 },
          { type: "Pods", value: 5, periodSeconds: 60 },
        ],
      },
    },
    [100, 1],
    noMemory,
    "95 ScaleDownLimit",
  ],
  ["not above the most", {}, [90, 120], noMemory, "100 TooManyReplicas"],
  [
    "not below the least",
    { scaleDown: { stabilizationWindowSeconds: 0 } },
    [3, 0],
    noMemory,
    "1 TooFewReplicas",
  ],
];

for (const [what, behavior, [current, wish], past, want] of bounds) {
  test(`limit: ${what}: ${current} to ${wish} -> ${want}`, () => {
    const spec = { maxReplicas: 100, scaleTargetRef: { kind: "D", name: "d" }, behavior };
    const got = limit(spec, { current, wish, now }, past);
    const why = got.limit?.reason ?? got.stabilized?.reason ?? "";
    assert.equal(`${got.replicas} ${why}`.trim(), want);
  });
}

test("limit: the result is within the bounds, and never on the other side of the wish", () => {
  const count = fc.integer({ min: 1, max: 60 });
  const past = fc.array(
    fc.record({ timeMs: fc.integer({ min: now - 600_000, max: now }), replicas: count }),
  );
  fc.assert(
    fc.property(count, count, past, (current, wish, recommendations) => {
      const spec = { maxReplicas: 50, minReplicas: 2, scaleTargetRef: { kind: "D", name: "d" } };
      const { replicas } = limit(spec, { current, wish, now }, { recommendations, changes: [] });
      assert.ok(replicas >= 2 && replicas <= 50);
      if (wish > current && current >= 2) assert.ok(replicas >= Math.min(current, 50));
    }),
  );
});

test("usagesOf: of all containers or of one, and only what is whole", () => {
  const containers = [
    { name: "a", usage: { cpu: "100m" } },
    { name: "b", usage: { cpu: "1" } },
  ];
  const item = { metadata: { name: "p" }, timestamp: long, window: "1m0.5s", containers };
  assert.equal(usagesOf([item], "cpu", undefined).get("p")?.millis, 1_100);
  assert.equal(usagesOf([item], "cpu", "b").get("p")?.millis, 1_000);
  assert.equal(usagesOf([item], "cpu", "b").get("p")?.windowMs, 60_500);
  assert.equal(usagesOf([item], "memory", undefined).size, 0);
});
