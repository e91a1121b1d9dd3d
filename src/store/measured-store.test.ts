import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "#base/clock.ts";
import { MetricRegistry } from "#base/metrics/registry.ts";
import { storeSuite } from "#testing/store-suite.ts";
import { measuredStore } from "./measured-store.ts";
import { MemoryStore } from "./memory.ts";
import { StoreUnavailableError, type Store } from "./store.ts";

storeSuite("measuredStore", () => {
  const clock = new FakeClock();
  const to = { metrics: new MetricRegistry(), clock };
  return Promise.resolve(measuredStore(new MemoryStore(clock), to).store);
});

const { signal } = new AbortController();
const value = new Uint8Array([1]);
const put = { kind: "put", key: "/registry/core/pods/a/p", value, ifModRevision: 0 } as const;

test("measuredStore: times operations by group and resource", async () => {
  const clock = new FakeClock();
  const metrics = new MetricRegistry();
  await using memory = new MemoryStore(clock);
  const { store } = measuredStore(memory, { metrics, clock });
  await store.write(put, signal);
  await store.range({ start: "/registry/apps/deployments/", end: "0", limit: 0 }, signal);
  const text = await metrics.render();
  for (const line of [
    'etcd_requests_total{operation="create",group="",resource="pods"} 1',
    'etcd_requests_total{operation="list",group="apps",resource="deployments"} 1',
    'etcd_request_duration_seconds_count{operation="create",group="",resource="pods"} 1',
    'apiserver_storage_size_bytes{storage_cluster_id="etcd-0"} 0',
  ]) {
    assert(text.includes(`${line}\n`), `${line} in ${text}`);
  }
});

test("measuredStore: a store that refuses writes is at fault until it takes one", async () => {
  const clock = new FakeClock();
  const metrics = new MetricRegistry();
  await using memory = new MemoryStore(clock);
  let isFull = true;
  const full = new StoreUnavailableError("the disk is full", { maybeApplied: false });
  const refusing: Store = {
    ...measuredStore(memory, { metrics: new MetricRegistry(), clock }).store,
    write: (it) => (isFull ? Promise.reject(full) : memory.write(it, signal)),
  };
  const { store, fault } = measuredStore(refusing, { metrics, clock });
  await assert.rejects(store.write(put, signal), StoreUnavailableError);
  assert.equal(fault(), "the disk is full");
  assert.match(await metrics.render(), /^etcd_request_errors_total\{operation="create".*\} 1$/m);
  isFull = false;
  await store.write(put, signal);
  assert.equal(fault(), undefined);
});
