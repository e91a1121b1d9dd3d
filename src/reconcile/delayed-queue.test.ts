import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { FakeClock } from "#base/clock.ts";
import { DelayedQueue } from "./delayed-queue.ts";

async function turn(): Promise<void> {
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
}

test("DelayedQueue: each key comes once, at the earliest moment asked for", async () => {
  const request = fc.record({ key: fc.constantFrom("a", "b", "c"), afterMs: fc.nat(20) });
  await fc.assert(
    fc.asyncProperty(fc.array(request, { maxLength: 8 }), async (requests) => {
      const clock = new FakeClock();
      const got = new Map<string, number>();
      const stop = new AbortController();
      const queue = new DelayedQueue<string>(
        clock,
        (key) => {
          assert.equal(got.has(key), false);
          got.set(key, clock.monotonic());
        },
        stop.signal,
      );
      const want = new Map<string, number>();
      for (const { key, afterMs } of requests) {
        queue.add(key, afterMs);
        want.set(key, Math.min(want.get(key) ?? Infinity, afterMs));
      }
      await turn();
      for (let ms = 0; ms <= 20; ms++) {
        await clock.advance(ms === 0 ? 0 : 1);
        await turn();
      }
      assert.deepEqual(new Map([...got].sort()), new Map([...want].sort()));
      assert.equal(queue.size, 0);
      stop.abort();
    }),
    { numRuns: 50 },
  );
});
