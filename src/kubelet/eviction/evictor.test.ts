import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "#api/gen/types.ts";
import { FakeClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import type { Verdict } from "#kubelet/pod/input.ts";
import { FakeCluster } from "#testing/kubelet-ports.ts";
import { podOf } from "#testing/pod-fixtures.ts";
import { Evictor } from "./evictor.ts";
import { parseThresholds, type Observation, type Signal } from "./thresholds.ts";

const signal = new AbortController().signal;

class Harness {
  readonly clock = new FakeClock(1_000_000);
  readonly cluster = new FakeCluster();
  readonly ended: string[] = [];
  readonly gone = new Set<string>();
  readonly available = new Map<Signal, number>();
  pods: Pod[] = [];
  freed = 0;
  readonly evictions: string[] = [];
  readonly evictor = new Evictor({
    limits: {
      thresholds: parseThresholds(
        "memory.available<10,imagefs.available<10",
        "memory.available<20",
        "memory.available=1m",
      ),
      transitionMs: 60_000,
      softGraceSecondsMax: 5,
    },
    usage: {
      node: async () => undefined,
      pod: async (pod) => ({
        cpuNanoseconds: 0n,
        memoryUsageBytes: 0,
        memoryWorkingSetBytes: pod.metadata?.name === "large" ? 1000 : 10,
      }),
      container: async () => undefined,
    },
    running: () => [],
    logDirectory: () => "/nonexistent/logs",
    volumePath: () => undefined,
    observe: async () =>
      new Map<Signal, Observation>(
        [...this.available].map(([name, it]) => [name, { available: it, capacity: 100 }]),
      ),
    activePods: () => this.pods,
    end: (uid: string, { graceSeconds = -1 }: Verdict) => {
      this.ended.push(`${uid}/${graceSeconds}`);
      this.pods = this.pods.filter((it) => it.metadata?.uid !== uid);
      return true;
    },
    evicted: (eviction) => {
      this.evictions.push(eviction);
    },
    hasEnded: (uid) => this.gone.has(uid),
    freeDisk: async () => {
      this.freed += 1;
      if (this.freed > 1) this.available.set("imagefs.available", 50);
    },
    events: this.cluster.recorder,
    clock: this.clock,
    log: silentLogger,
  });

  constructor() {
    this.pods = ["small", "large", "other"].map((name) => podOf({}, { name, uid: name }));
  }

  async look(ms: number, available: Partial<Record<Signal, number>>): Promise<string> {
    await this.clock.advance(ms);
    for (const [name, it] of Object.entries(available)) this.available.set(name as Signal, it);
    await this.evictor.look(signal);
    return `${this.ended.join(" ")} | ${[...this.evictor.pressures].join()}`;
  }
}

test("Evictor: one pod at a time, the next when the first has gone", async () => {
  const harness = new Harness();
  assert.equal(await harness.look(0, { "memory.available": 50 }), " | ");
  assert.equal(await harness.look(10_000, { "memory.available": 5 }), "large/1 | MemoryPressure");
  assert.equal(await harness.look(10_000, {}), "large/1 | MemoryPressure");
  harness.gone.add("large");
  assert.equal(await harness.look(10_000, {}), "large/1 small/1 | MemoryPressure");
  const message = harness.cluster.events.find((it) => it.includes("Warning Evicted"));
  assert.match(
    message ?? "",
    /The node was low on resource: memory. Threshold quantity: 10, avail/,
  );
  await harness.look(10_000, { "memory.available": 50 });
  assert.equal(await harness.look(60_000, {}), "large/1 small/1 | ");
  assert.deepEqual(harness.evictions, ["memory.available", "memory.available"]);
});

test("Evictor: a pod that stays is waited for no longer than its time", async () => {
  const harness = new Harness();
  await harness.look(0, { "memory.available": 5 });
  assert.equal(await harness.look(30_000, {}), "large/1 small/1 | MemoryPressure");
});

test("Evictor: a soft threshold leaves pods their grace period, as far as is allowed", async () => {
  const harness = new Harness();
  assert.equal(await harness.look(0, { "memory.available": 15 }), " | MemoryPressure");
  assert.equal(await harness.look(60_000, {}), "large/5 | MemoryPressure");
});

test("Evictor: images go before pods", async () => {
  const harness = new Harness();
  assert.equal(await harness.look(0, { "imagefs.available": 5 }), "small/1 | DiskPressure");
  harness.gone.add("small");
  assert.equal(await harness.look(10_000, {}), "small/1 | DiskPressure");
  assert.equal(harness.freed, 2);
});
