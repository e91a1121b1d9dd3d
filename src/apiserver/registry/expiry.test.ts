import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "#base/clock.ts";
import type { KubernetesObject } from "#api/object.ts";
import { builtin } from "#api/kinds/list.ts";
import { MemoryStore } from "#store/memory.ts";
import { openTestApi } from "#testing/test-api.ts";
import { Expiry } from "./expiry.ts";

const events = builtin("", "events");
const { signal } = new AbortController();

test("Expiry: objects share a lease for a minute, or a thousand of them", async () => {
  const clock = new FakeClock();
  await using store = new MemoryStore(clock);
  const expiry = new Expiry(store, clock);
  const first = await expiry.lease(3_600, signal);
  const same = await Promise.all(Array.from({ length: 999 }, () => expiry.lease(3_600, signal)));
  assert.deepEqual(new Set(same), new Set([first]));
  const second = await expiry.lease(3_600, signal);
  assert.notEqual(second, first);
  await clock.advance(60_000);
  assert.notEqual(await expiry.lease(3_600, signal), second);
  assert.notEqual(await expiry.lease(60, signal), await expiry.lease(3_600, signal));
});

test("Expiry: a lease that was not granted is asked for again", async () => {
  const clock = new FakeClock();
  await using store = new MemoryStore(clock);
  const stopped = AbortSignal.abort(new Error("stopped"));
  const expiry = new Expiry(store, clock);
  await assert.rejects(expiry.lease(60, stopped));
  assert.equal(typeof (await expiry.lease(60, signal)), "string");
});

test("an event goes by itself an hour after it was last written", async () => {
  const clock = new FakeClock(Date.UTC(2026, 0, 1));
  await using api = await openTestApi(clock);
  const metadata = { namespace: "default" };
  for (const name of ["quiet", "repeated"]) {
    const event = {
      metadata: { ...metadata, name },
      involvedObject: { namespace: "default", kind: "Pod", name: "p" },
    };
    await api.client.create<KubernetesObject>(events, event, {}, signal);
  }
  const names = async (): Promise<string[]> => {
    const { items } = await api.client.list<KubernetesObject>(
      events,
      { namespace: "default" },
      signal,
    );
    return items.map((it) => it.metadata?.name ?? "").sort();
  };
  const minutes = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) await clock.advance(60_000);
  };
  await minutes(30);
  const patch = { type: "merge", body: { count: 2 } } as const;
  await api.client.patch(events, { ...metadata, name: "repeated" }, patch, signal);
  await minutes(29);
  assert.deepEqual(await names(), ["quiet", "repeated"]);
  await minutes(3);
  assert.deepEqual(await names(), ["repeated"]);
  await minutes(32);
  assert.deepEqual(await names(), []);
});
