import assert from "node:assert/strict";
import { test } from "node:test";
import { parseSince } from "./logs.ts";

const cases: [text: string, want: number][] = [
  ["30s", 30],
  ["5m", 300],
  ["2h", 7_200],
];

for (const [text, want] of cases) {
  test(`parseSince: ${text} -> ${want}`, () => {
    assert.equal(parseSince(text), want);
  });
}

for (const text of ["", "5", "5d", "m", "-1s"]) {
  test(`parseSince: '${text}' is refused`, () => {
    assert.throws(() => parseSince(text), /expected one like 30s/);
  });
}
