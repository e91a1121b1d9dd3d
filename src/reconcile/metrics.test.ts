import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "#base/clock.ts";
import { MetricRegistry } from "#base/metrics/registry.ts";
import { queueName, reconcileMetrics } from "./metrics.ts";
import { WorkQueue } from "./workqueue.ts";

for (const [controller, want] of [
  ["deployment-controller", "deployment"],
  ["endpointslice-controller", "endpoint_slice"],
  ["local-path-provisioner", "local_path_provisioner"],
] as const) {
  test(`queueName: ${controller} -> ${want}`, () => {
    assert.equal(queueName(controller), want);
  });
}

test("reconcileMetrics: what waits, what is under way, and how long it took", async () => {
  const clock = new FakeClock();
  const metrics = new MetricRegistry();
  const reported = reconcileMetrics(metrics, clock);
  const observer = reported.queue("job-controller");
  const queue = new WorkQueue<string>({ monotonic: () => clock.monotonic(), observer });
  queue.add("a");
  queue.add("b");
  await clock.advance(2_000);
  assert.equal(await queue.take(), "a");
  await clock.advance(3_000);
  queue.add("a");
  const busy = await metrics.render();
  for (const line of [
    'workqueue_depth{name="job"} 1',
    'workqueue_adds_total{name="job"} 3',
    'workqueue_queue_duration_seconds_sum{name="job"} 2',
    'workqueue_unfinished_work_seconds{name="job"} 3',
    'workqueue_longest_running_processor_seconds{name="job"} 3',
  ]) {
    assert(busy.includes(`${line}\n`), `${line} in ${busy}`);
  }
  queue.done("a");
  reported.reconciled("job-controller", "error", 3_000);
  reported.reconciled("job-controller", "ok", 1);
  const after = await metrics.render();
  for (const line of [
    'workqueue_depth{name="job"} 2',
    'workqueue_work_duration_seconds_sum{name="job"} 3',
    'workqueue_unfinished_work_seconds{name="job"} 0',
    'workqueue_retries_total{name="job"} 1',
  ]) {
    assert(after.includes(`${line}\n`), `${line} in ${after}`);
  }
});
