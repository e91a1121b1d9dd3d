import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { test } from "node:test";
import { FakeClock } from "#base/clock.ts";
import { pingMs, silentPingsMax } from "./messages.ts";
import { watchSilence } from "./silence.ts";

class OtherSide extends EventEmitter {
  pings = 0;
  hasEnded = false;
  ping(): void {
    this.pings += 1;
  }
  terminate(): void {
    this.hasEnded = true;
  }
}

async function watch(answers: (second: number) => boolean, seconds: number): Promise<OtherSide> {
  const other = new OtherSide();
  const clock = new FakeClock();
  const stop = new AbortController();
  const watching = watchSilence(other, clock, stop.signal).catch(() => undefined);
  for (let second = 0; second < seconds && !other.hasEnded; second += 1) {
    if (answers(second)) other.emit("pong");
    await clock.advance(pingMs);
    for (let count = 0; count < 5; count += 1) await Promise.resolve();
  }
  stop.abort();
  await watching;
  return other;
}

test("watchSilence: who answers now and then is not lost", async () => {
  const other = await watch((second) => second % (silentPingsMax - 1) === 0, 100);
  assert.equal(other.hasEnded, false);
  assert.equal(other.pings, 101);
});

test("watchSilence: who answers no more is lost within seconds", async () => {
  const other = await watch((second) => second < 10, 100);
  assert.equal(other.hasEnded, true);
  assert.ok(other.pings <= 10 + silentPingsMax, String(other.pings));
});

test("watchSilence: what was not heard in a pause of this process is no silence", async () => {
  const other = new OtherSide();
  const clock = new FakeClock();
  const stop = new AbortController();
  const watching = watchSilence(other, clock, stop.signal).catch(() => undefined);
  await clock.advance(60_000);
  for (let count = 0; count < 5; count += 1) await Promise.resolve();
  assert.equal(other.hasEnded, false);
  stop.abort();
  await watching;
});
