import assert from "node:assert/strict";
import { test } from "node:test";
import { compareLogTimes } from "./log-time.ts";

test("times of log lines have their order whatever zeros they leave out", () => {
  const cases: readonly (readonly [string, string, number])[] = [
    ["2026-01-01T00:00:05.12Z", "2026-01-01T00:00:05.123Z", -1],
    ["2026-01-01T00:00:05Z", "2026-01-01T00:00:05.000000001Z", -1],
    ["2026-01-01T00:00:05.1Z", "2026-01-01T00:00:05.100000000Z", 0],
    ["2026-01-01T00:00:06Z", "2026-01-01T00:00:05.999999999Z", 1],
    ["2026-01-01T09:00:05.5+09:00", "2026-01-01T00:00:05.5Z", 0],
    ["2026-01-01T08:59:59+09:00", "2026-01-01T00:00:00Z", -1],
  ];
  for (const [one, other, want] of cases) {
    assert.equal(Math.sign(compareLogTimes(one, other)), want, `${one} ${other}`);
    assert.equal(Math.sign(compareLogTimes(other, one)) + want, 0, `${other} ${one}`);
  }
});
