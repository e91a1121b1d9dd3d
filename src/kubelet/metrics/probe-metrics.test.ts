import assert from "node:assert/strict";
import { test } from "node:test";
import { MetricRegistry } from "#base/metrics/registry.ts";
import { podOf } from "#testing/pod-fixtures.ts";
import { ProbeMetrics } from "./probe-metrics.ts";

test("ProbeMetrics: answers by probe and result, until the pod is gone", async () => {
  const metrics = new MetricRegistry();
  const probes = new ProbeMetrics(metrics);
  const pod = podOf({}, { name: "web", namespace: "a", uid: "u" });
  const liveness = { type: "liveness", container: "app" } as const;
  probes.answered(pod, liveness, { kind: "success", seconds: 0.02 });
  probes.answered(pod, liveness, { kind: "failure", seconds: 1 });
  const text = await metrics.render();
  const rest = `container="app",pod="web",namespace="a",pod_uid="u"} 1\n`;
  assert(text.includes(`prober_probe_total{probe_type="Liveness",result="successful",${rest}`));
  assert(text.includes(`prober_probe_total{probe_type="Liveness",result="failed",${rest}`));
  assert.match(text, /^prober_probe_duration_seconds_count\{.*\} 2$/m);
  probes.forget("u");
  assert.equal(await metrics.render(), "");
});
