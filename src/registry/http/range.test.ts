import assert from "node:assert/strict";
import { test } from "node:test";
import { parseContentRange, parseRange } from "./range.ts";

const ranges: [header: string | undefined, size: number, want: ReturnType<typeof parseRange>][] = [
  [undefined, 10, "whole"],
  ["bytes=0-3", 10, { start: 0, end: 3 }],
  ["bytes=4-", 10, { start: 4, end: 9 }],
  ["bytes=4-100", 10, { start: 4, end: 9 }],
  ["bytes=-3", 10, { start: 7, end: 9 }],
  ["bytes=-30", 10, { start: 0, end: 9 }],
  ["bytes=-0", 10, "outside"],
  ["bytes=10-", 10, "outside"],
  ["bytes=0-", 0, "outside"],
  ["bytes=5-2", 10, "outside"],
  ["bytes=0-1,4-5", 10, "whole"],
  ["lines=1-2", 10, "whole"],
  ["bytes=-", 10, "whole"],
];

for (const [header, size, want] of ranges) {
  test(`parseRange: ${header ?? "none"} of ${size}`, () => {
    assert.deepEqual(parseRange(header, size), want);
  });
}

const chunks: [header: string, want: ReturnType<typeof parseContentRange>][] = [
  ["0-9", { start: 0, end: 9 }],
  ["bytes 0-9/10", { start: 0, end: 9 }],
  ["bytes=5-9", { start: 5, end: 9 }],
  ["9-5", undefined],
  ["-5", undefined],
  ["x", undefined],
];

for (const [header, want] of chunks) {
  test(`parseContentRange: ${header}`, () => {
    assert.deepEqual(parseContentRange(header), want);
  });
}
