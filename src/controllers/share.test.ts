import assert from "node:assert/strict";
import { test } from "node:test";
import { shareOf } from "./share.ts";

const cases: [value: number | string, whole: number, up: number, down: number][] = [
  [3, 10, 3, 3],
  ["25%", 10, 3, 2],
  ["100%", 7, 7, 7],
  ["0%", 7, 0, 0],
  ["7%", 100, 7, 7],
  ["some", 7, 0, 0],
];

for (const [value, whole, up, down] of cases) {
  test(`shareOf: ${value} of ${whole} -> ${up} rounded up, ${down} rounded down`, () => {
    assert.equal(shareOf(value, whole, Math.ceil), up);
    assert.equal(shareOf(value, whole, Math.floor), down);
  });
}
