import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { SortedMap } from "./sorted-map.ts";

test("SortedMap: agrees with a plain map that is sorted on reading", () => {
  const key = fc.string({ unit: fc.constantFrom("a", "b", "/", "0"), maxLength: 4 });
  const step = fc.tuple(fc.constantFrom("set", "delete"), key, fc.nat(9));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), key, key, (steps, start, end) => {
      const sorted = new SortedMap<number>();
      const plain = new Map<string, number>();
      for (const [verb, at, value] of steps) {
        if (verb === "set") {
          sorted.set(at, value);
          plain.set(at, value);
        } else {
          assert.equal(sorted.delete(at), plain.delete(at));
        }
      }
      const want = [...plain].filter(([it]) => it >= start && it < end);
      want.sort(([a], [b]) => (a < b ? -1 : 1));
      assert.deepEqual([...sorted.range(start, end)], want);
      assert.equal(sorted.size, plain.size);
    }),
  );
});

test("SortedMap: 5,000 keys in any order come back in order, also after their blocks split", () => {
  const map = new SortedMap<number>();
  for (let i = 0; i < 5_000; i++)
    map.set(`/k/${String((i * 2_654_435_761) % 5_000).padStart(5, "0")}`, i);
  const keys = [...map.range("/k/", "/k0")].map(([key]) => key);
  assert.equal(keys.length, 5_000);
  assert.deepEqual(keys, keys.toSorted());
  for (const key of keys) assert.equal(map.delete(key), true);
  assert.equal(map.size, 0);
});
