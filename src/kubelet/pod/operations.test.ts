import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import { test } from "node:test";
import { FakeClock } from "#base/clock.ts";
import { Operations } from "./operations.ts";

function make(clock: FakeClock): { operations: Operations; log: string[] } {
  const log: string[] = [];
  const operations = new Operations({
    clock,
    onSettled: () => log.push("settled"),
    onError: (key, error) => log.push(`${key}: ${String(error)}`),
  });
  return { operations, log };
}

const life = new AbortController().signal;

test("Operations: a failed key is held for its back-off, then free", async () => {
  const clock = new FakeClock();
  const { operations, log } = make(clock);
  for (const [failure, heldMs] of [
    [1, 1_000],
    [2, 2_000],
  ]) {
    operations.start("stop:s0", () => Promise.reject(new Error(`no ${failure}`)), life);
    await setImmediate();
    assert.equal(operations.untilFreeMs(), heldMs);
    assert.deepEqual([...operations.busy()], ["stop:s0"]);
    await clock.advance(heldMs ?? 0);
    assert.deepEqual([...operations.busy()], []);
  }
  assert.deepEqual(log, ["stop:s0: Error: no 1", "settled", "stop:s0: Error: no 2", "settled"]);
});

test("Operations: an aborted one is no failure, and its successor keeps the key", async () => {
  const { operations, log } = make(new FakeClock());
  const second = Promise.withResolvers<undefined>();
  operations.start("kill:a", (signal) => untilAborted(signal), life);
  operations.start("kill:a", () => second.promise, life);
  await setImmediate();
  assert.deepEqual([[...operations.busy()], log], [["kill:a"], ["settled"]]);
  second.resolve(undefined);
  await operations.settled();
  assert.deepEqual([...operations.busy()], []);
});

async function untilAborted(signal: AbortSignal): Promise<void> {
  await new Promise<void>((_resolve, reject) => {
    signal.addEventListener("abort", () => {
      reject(new Error("aborted"));
    });
  });
}
