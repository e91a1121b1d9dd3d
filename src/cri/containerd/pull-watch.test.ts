import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "#base/clock.ts";
import { untilStalled, type Ingests } from "./pull-watch.ts";

type Look = Readonly<Record<string, number>> | undefined;

const idle: Look = {};

function repeated(look: Look, times: number): readonly Look[] {
  return Array.from({ length: times }, () => look);
}

/** Looks five seconds apart, and after how many of them the pull counts as stalled. */
const cases: readonly (readonly [what: string, looks: readonly Look[], stalledAfter: number])[] = [
  ["no answer to the first request", repeated(idle, 20), 12],
  ["a blob that stops", [{ a: 1 }, { a: 2 }, ...repeated({ a: 3 }, 20)], 15],
  ["a blob that never begins", repeated({ a: 0 }, 20), 13],
  ["one of two goes on", Array.from({ length: 40 }, (_, i) => ({ a: 3, b: i })), Infinity],
  ["layers are unpacked", [{ a: 1 }, ...repeated(idle, 40)], Infinity],
  ["containerd does not say", repeated(undefined, 40), Infinity],
  ["another blob begins", [...repeated({ a: 3 }, 10), ...repeated({ b: 1 }, 20)], 23],
];

for (const [what, looks, stalledAfter] of cases) {
  test(`a pull, ${what}: stalled after ${stalledAfter} looks`, async () => {
    const clock = new FakeClock();
    const end = new AbortController();
    let count = 0;
    const look = (): Promise<Ingests | undefined> => {
      const it = looks[count++];
      if (count === looks.length) end.abort(new Error("the pull ended"));
      return Promise.resolve(
        it && new Map(Object.entries(it).map(([ref, offset]) => [ref, BigInt(offset)])),
      );
    };
    const stalled = untilStalled(look, clock, end.signal).then(
      () => count,
      () => Infinity,
    );
    for (let i = 0; i < looks.length; i++) await clock.advance(5_000);
    assert.equal(await stalled, stalledAfter);
  });
}
