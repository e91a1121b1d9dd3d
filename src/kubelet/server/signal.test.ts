import assert from "node:assert/strict";
import { test } from "node:test";
import { signalNumber } from "./signal.ts";

const cases: [text: string, want: number | undefined][] = [
  ["TERM", 15],
  ["SIGTERM", 15],
  ["sigkill", 9],
  ["HUP", 1],
  ["1", 1],
  ["64", 64],
  ["RTMIN", 34],
  ["SIGRTMIN+3", 37],
  ["RTMAX-1", 63],
  ["0", undefined],
  ["65", undefined],
  ["RTMIN+31", undefined],
  ["NOPE", undefined],
  ["", undefined],
];

for (const [text, want] of cases) {
  test(`signalNumber: '${text}' -> ${want ?? "none"}`, () => {
    assert.equal(signalNumber(text), want);
  });
}
