import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { KubernetesObject } from "#api/object.ts";
import { Cache } from "./cache.ts";
import { compareResourceVersions } from "./resource-version.ts";

function object(name: string, version: number, owner = ""): KubernetesObject {
  return { metadata: { name, uid: name, resourceVersion: String(version), labels: { owner } } };
}

function owners(it: KubernetesObject): string[] {
  return [it.metadata?.labels?.["owner"] ?? ""];
}

test("Cache: an older revision does not replace a newer one, unless told to", () => {
  const cache = new Cache();
  cache.put("a", object("a", 10));
  assert.equal(cache.put("a", object("a", 9)), undefined);
  assert.equal(cache.put("a", object("a", 10)), undefined);
  assert.equal(cache.get("a")?.metadata?.resourceVersion, "10");
  assert.notEqual(cache.put("a", object("a", 9), true), undefined);
});

test("Cache: an index always equals a search through all objects", () => {
  const step = fc.record({
    name: fc.constantFrom("a", "b", "c"),
    owner: fc.constantFrom("x", "y"),
    remove: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step), fc.nat(20), (steps, indexAt) => {
      const cache = new Cache();
      let version = 0;
      for (const [i, { name, owner, remove }] of steps.entries()) {
        if (i === indexAt) cache.addIndex("owner", owners);
        if (remove) cache.delete(name);
        else cache.put(name, object(name, ++version, owner));
      }
      cache.addIndex("owner", owners);
      for (const owner of ["x", "y"]) {
        const searched = [...cache.values()].filter((it) => owners(it)[0] === owner);
        assert.deepEqual(new Set(cache.byIndex("owner", owner)), new Set(searched));
      }
    }),
  );
});

const orders: [left: string, right: string, want: number][] = [
  ["", "0", 0],
  ["0", "1", -1],
  ["9", "10", -1],
  ["10", "10", 0],
  ["100000000000000000001", "100000000000000000000", 1],
];

for (const [left, right, want] of orders) {
  test(`compareResourceVersions: '${left}' and '${right}' -> ${want}`, () => {
    assert.equal(Math.sign(compareResourceVersions(left, right)), want);
  });
}
