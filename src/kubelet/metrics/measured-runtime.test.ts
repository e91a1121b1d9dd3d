import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "#base/clock.ts";
import { MetricRegistry } from "#base/metrics/registry.ts";
import { SimulatedRuntime } from "#cri/simulated/runtime.ts";
import { measuredRuntime } from "./measured-runtime.ts";

test("measuredRuntime: counts and times operations, and passes results and failures on", async () => {
  await using simulated = new SimulatedRuntime({
    clock: systemClock,
    podCidr: "10.98.0.0/24",
    idPrefix: "sim",
    delays: { pullMs: 0, sandboxMs: 0, startMs: 0, stopMs: 0 },
    onError: () => undefined,
  });
  const metrics = new MetricRegistry();
  const runtime = measuredRuntime(simulated, { metrics, clock: systemClock });
  const { signal } = new AbortController();
  assert.equal((await runtime.version(signal)).name, "simulated");
  assert.deepEqual(await runtime.listContainers(signal), []);
  await assert.rejects(runtime.startContainer("none", signal));
  const text = await metrics.render();
  for (const line of [
    'kubelet_runtime_operations_total{operation_type="version"} 1',
    'kubelet_runtime_operations_total{operation_type="start_container"} 1',
    'kubelet_runtime_operations_errors_total{operation_type="start_container"} 1',
    'kubelet_runtime_operations_duration_seconds_count{operation_type="list_containers"} 1',
  ]) {
    assert(text.includes(`${line}\n`), `${line} in ${text}`);
  }
});
