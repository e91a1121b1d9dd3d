import assert from "node:assert/strict";
import { test } from "node:test";
import { Limiter } from "./limiter.ts";

test("Limiter: never more than the limit at a time, and all in the end", async () => {
  const limiter = new Limiter(2);
  const signal = new AbortController().signal;
  let running = 0;
  let most = 0;
  const task = async (): Promise<void> => {
    running += 1;
    most = Math.max(most, running);
    await Promise.resolve();
    await Promise.resolve();
    running -= 1;
  };
  await Promise.all(Array.from({ length: 9 }, () => limiter.run(task, signal)));
  assert.deepEqual([most, running], [2, 0]);
});

test("Limiter: one that is aborted while waiting gives its turn to the next", async () => {
  const limiter = new Limiter(1);
  const stop = new AbortController();
  const order: string[] = [];
  const held = Promise.withResolvers<undefined>();
  const first = limiter.run(() => held.promise, new AbortController().signal);
  const second = limiter.run(async () => order.push("second"), stop.signal);
  const third = limiter.run(async () => order.push("third"), new AbortController().signal);
  stop.abort(new Error("stop"));
  held.resolve(undefined);
  await first;
  await assert.rejects(second, /stop/);
  await third;
  assert.deepEqual(order, ["third"]);
});
