import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { FakeClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { compactRegularly, revisionToCompact } from "./compact-regularly.ts";
import { MemoryStore } from "./memory.ts";
import { CompactedError, type Store } from "./store.ts";

const cases: [looks: number[], keep: number, want: number | undefined][] = [
  [[], 100, undefined],
  [[10], 100, undefined],
  [[10, 20, 30, 40, 50], 100, undefined],
  [[10, 20, 30, 40, 50, 60], 100, 10],
  [[10, 500], 100, 400],
  [[10, 20, 30, 40, 50, 600], 100, 500],
];

for (const [looks, keep, want] of cases) {
  test(`revisionToCompact: looks [${looks.join(" ")}], keep ${keep} -> ${want ?? "nothing"}`, () => {
    assert.equal(revisionToCompact(looks, keep), want);
  });
}

test("compactRegularly: history is readable for the time promised and gone after it", async () => {
  const clock = new FakeClock();
  const store: Store = new MemoryStore(clock);
  const stop = new AbortController();
  const put = { kind: "put", key: "/a", value: new Uint8Array([1]) } as const;
  await store.write({ ...put, ifModRevision: 0 }, stop.signal);
  await store.write({ ...put, ifModRevision: 2 }, stop.signal);
  const policy = { keepMs: 5_000, keepRevisions: 100 };
  const running = compactRegularly(store, policy, { clock, log: silentLogger }, stop.signal);
  for (let look = 0; look < 5; look++) {
    await clock.advance(1_000);
    await setImmediate();
  }
  assert.equal((await store.get("/a", stop.signal, 2))?.modRevision, 2);
  await clock.advance(1_000);
  await setImmediate();
  await assert.rejects(store.get("/a", stop.signal, 2), CompactedError);
  stop.abort();
  await running;
  await store[Symbol.asyncDispose]();
});
