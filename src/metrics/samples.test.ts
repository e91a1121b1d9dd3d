import assert from "node:assert/strict";
import { test } from "node:test";
import { nodeMetricsObject, podMetricsObject } from "./objects.ts";
import { parseResourceMetrics, usageBetween, type Sample } from "./samples.ts";

const text = `# TYPE container_cpu_usage_seconds_total counter
container_cpu_usage_seconds_total{container="c",namespace="n",pod="p"} 1.5 2000
container_cpu_usage_seconds_total{container="half",namespace="n",pod="p"} 1.5 2000
pod_cpu_usage_seconds_total{namespace="n",pod="p"} 9 2000
# TYPE container_memory_working_set_bytes gauge
container_memory_working_set_bytes{container="c",namespace="n",pod="p"} 2.048e+06 2000
node_cpu_usage_seconds_total 100.25 2000
node_memory_working_set_bytes 4096
this is no line of metrics {
`;

test("parseResourceMetrics: nodes and containers whose figures are all there", () => {
  const { node, containers } = parseResourceMetrics(text, 5_000);
  assert.deepEqual(node, { timeMs: 2_000, cpuSeconds: 100.25, memoryBytes: 4_096 });
  assert.deepEqual(
    [...containers],
    [["n/p/c", { timeMs: 2_000, cpuSeconds: 1.5, memoryBytes: 2_048_000 }]],
  );
});

const cases: [before: Partial<Sample> | undefined, want: number | undefined][] = [
  [{ timeMs: 0, cpuSeconds: 1 }, 250_000_000],
  [undefined, undefined],
  // Of another start of the container, and of the same moment.
  [{ timeMs: 0, cpuSeconds: 9 }, undefined],
  [{ timeMs: 2_000, cpuSeconds: 1 }, undefined],
];

for (const [before, want] of cases) {
  test(`usageBetween: ${JSON.stringify(before)} -> ${String(want)}`, () => {
    const after = { timeMs: 2_000, cpuSeconds: 1.5, memoryBytes: 7 };
    const from = before === undefined ? undefined : { ...after, ...before };
    assert.equal(usageBetween(from, after)?.cpuNanocores, want);
  });
}

test("objects of metrics.k8s.io, and none for a pod of which something is not known", () => {
  const usage = { timeMs: 0, windowSeconds: 15, cpuNanocores: 5, memoryBytes: 2_048 };
  const subject = { name: "p", namespace: "n", labels: { app: "x" } };
  const pod = podMetricsObject(subject, [{ name: "c", usage }]);
  assert.deepEqual(pod?.["containers"], [{ name: "c", usage: { cpu: "5n", memory: "2Ki" } }]);
  assert.equal(pod["window"], "15s");
  assert.equal(podMetricsObject(subject, [{ name: "c", usage: undefined }]), undefined);
  assert.equal(podMetricsObject(subject, []), undefined);
  const node = nodeMetricsObject({ name: "a", namespace: "", labels: {} }, usage);
  assert.deepEqual(node["usage"], { cpu: "5n", memory: "2Ki" });
});
