import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  formatAddress,
  formatRange,
  isEverything,
  mergeRanges,
  parseAddress,
  parseBlock,
  subtractRanges,
  type AddressRange,
} from "./ipv4.ts";

const blocks: [given: string, want: string | undefined][] = [
  ["10.0.0.0/8", "10.0.0.0-10.255.255.255"],
  ["10.1.2.3/8", "10.0.0.0-10.255.255.255"],
  ["192.168.1.7/32", "192.168.1.7"],
  ["0.0.0.0/0", "0.0.0.0-255.255.255.255"],
  [" 10.0.0.0/31", "10.0.0.0-10.0.0.1"],
  ["10.0.0.0", undefined],
  ["10.0.0.0/33", undefined],
  ["10.0.0/8", undefined],
  ["256.0.0.0/8", undefined],
  ["fd00::/8", undefined],
  ["", undefined],
];

for (const [given, want] of blocks) {
  test(`parseBlock: [${given}] -> [${want ?? "none"}]`, () => {
    const range = parseBlock(given);
    assert.equal(range === undefined ? undefined : formatRange(range), want);
  });
}

test("parseAddress: the inverse of formatAddress", () => {
  fc.assert(
    fc.property(fc.nat(0xffff_ffff), (value) => {
      assert.equal(parseAddress(formatAddress(value)), value);
    }),
  );
});

test("isEverything: two halves are all", () => {
  const halves = ["0.0.0.0/1", "128.0.0.0/1"].map((it) => parseBlock(it) as AddressRange);
  assert.equal(isEverything(halves), true);
  assert.equal(isEverything(halves.slice(1)), false);
  assert.equal(isEverything([]), false);
});

const small = fc
  .tuple(fc.nat(40), fc.nat(40))
  .map(([a, b]): AddressRange => ({ first: Math.min(a, b), last: Math.max(a, b) }));

function members(ranges: readonly AddressRange[]): number[] {
  return Array.from({ length: 42 }, (_, i) => i).filter((i) =>
    ranges.some((it) => it.first <= i && i <= it.last),
  );
}

test("mergeRanges, subtractRanges: the same addresses, in order, apart", () => {
  const lists = fc.array(small, { maxLength: 6 });
  fc.assert(
    fc.property(lists, lists, (some, others) => {
      const merged = mergeRanges(some);
      assert.deepEqual(members(merged), members(some));
      const left = subtractRanges(some, others);
      const removed = new Set(members(others));
      assert.deepEqual(
        members(left),
        members(some).filter((it) => !removed.has(it)),
      );
      for (const list of [merged, left]) {
        for (const [at, it] of list.entries()) {
          assert.ok(it.first <= it.last);
          const before = list[at - 1];
          if (before !== undefined) assert.ok(before.last < it.first);
        }
      }
      for (const [at, it] of merged.entries()) {
        const before = merged[at - 1];
        if (before !== undefined) assert.ok(before.last + 1 < it.first);
      }
    }),
  );
});
