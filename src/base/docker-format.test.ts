import assert from "node:assert/strict";
import { test } from "node:test";
import { ellipsis, formatAge, formatSize, formatTable, shortDigest } from "./docker-format.ts";

const sizes: [bytes: number, text: string][] = [
  [0, "0B"],
  [999, "999B"],
  [1_000, "1kB"],
  [4_261_550, "4.26MB"],
  [187_654_321, "188MB"],
  [1_500_000_000, "1.5GB"],
];

for (const [bytes, text] of sizes) {
  test(`formatSize: ${bytes} -> ${text}`, () => {
    assert.equal(formatSize(bytes), text);
  });
}

const hourMs = 3_600_000;
const ages: [ms: number, text: string][] = [
  [0, "Less than a second ago"],
  [1_500, "1 second ago"],
  [59_000, "59 seconds ago"],
  [61_000, "About a minute ago"],
  [10 * 60_000, "10 minutes ago"],
  [hourMs, "About an hour ago"],
  [47 * hourMs, "47 hours ago"],
  [3 * 24 * hourMs, "3 days ago"],
  [15 * 24 * hourMs, "2 weeks ago"],
  [70 * 24 * hourMs, "2 months ago"],
  [800 * 24 * hourMs, "2 years ago"],
];

for (const [ms, text] of ages) {
  test(`formatAge: ${text}`, () => {
    assert.equal(formatAge(ms), text);
  });
}

test("formatTable: as Docker's", () => {
  const rows = [
    ["REPOSITORY", "TAG", "SIZE"],
    ["busybox", "latest", "4.26MB"],
  ];
  assert.equal(formatTable(rows), "REPOSITORY   TAG       SIZE\nbusybox      latest    4.26MB\n");
});

test("shortDigest and ellipsis", () => {
  assert.equal(shortDigest("sha256:0123456789abcdef"), "0123456789ab");
  assert.equal(ellipsis("abcdef", 4), "abc…");
  assert.equal(ellipsis("abcd", 4), "abcd");
});
