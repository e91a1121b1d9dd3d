import assert from "node:assert/strict";
import { test } from "node:test";
import { formatDuration } from "./duration.ts";

const cases: [ms: number, want: string][] = [
  [0, "0s"],
  [850, "850ms"],
  [1_200, "1.2s"],
  [10_000, "10s"],
  [80_000, "1m20s"],
  [300_000, "5m0s"],
  [3_600_000, "1h0m0s"],
];

for (const [ms, want] of cases) {
  test(`formatDuration: ${ms} -> ${want}`, () => {
    assert.equal(formatDuration(ms), want);
  });
}
