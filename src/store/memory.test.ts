import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "#base/clock.ts";
import { storeSuite } from "#testing/store-suite.ts";
import { MemoryStore } from "./memory.ts";

storeSuite("MemoryStore", () => Promise.resolve(new MemoryStore(new FakeClock())));

test("MemoryStore: a lease that is not renewed takes its keys with it", async () => {
  const clock = new FakeClock();
  const signal = new AbortController().signal;
  await using store = new MemoryStore(clock);
  const lease = await store.grantLease(2, signal);
  const value = new Uint8Array([1]);
  await store.write({ kind: "put", key: "/a", value, ifModRevision: 0, lease }, signal);
  for (let i = 0; i < 6; i++) await clock.advance(500);
  assert.equal(await store.get("/a", signal), undefined);
});
