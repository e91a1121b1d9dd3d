import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import fc from "fast-check";
import { CachedObject } from "./cached-object.ts";
import { LeafIndex, type Leaves } from "./leaf-index.ts";
import { leafObjectsMax } from "./leaf.ts";

function object(key: string, revision: number): CachedObject {
  const tail = Buffer.from(`"metadata":{"resourceVersion":"${revision}","name":"${key}"}}`);
  return new CachedObject({
    key,
    revision,
    labels: {},
    fields: [],
    metadataLength: tail.length - 1,
    buffer: tail,
    start: 0,
    length: tail.length,
  });
}

/** `key@revision` of every object, in order. */
function shown(leaves: Leaves): string[] {
  return leaves.flatMap((leaf) => leaf.objects.map((it) => `${it.key}@${it.revision}`));
}

function check(leaves: Leaves): void {
  for (const leaf of leaves) {
    assert.ok(leaf.objects.length > 0 && leaf.objects.length <= leafObjectsMax);
    assert.deepEqual([...new Set(leaf.objects.map((it) => it.namespace))], [leaf.namespace]);
  }
}

/** What the pages say, joined as a list joins them. */
function parsed(leaves: Leaves): string[] {
  const text = leaves.map((it) => it.page().toString()).join("");
  const items = JSON.parse(`[${text.slice(1)}]`) as {
    metadata: { name: string; resourceVersion: string };
  }[];
  return items.map((it) => `${it.metadata.name}@${it.metadata.resourceVersion}`);
}

interface Step {
  readonly kind: "put" | "delete" | "page" | "snapshot";
  readonly namespace: string;
  readonly name: number;
}

const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom("put", "put", "put", "delete", "page", "snapshot"),
  namespace: fc.constantFrom("a", "a-b", "b"),
  name: fc.nat(150),
});

test("leaf index: as a sorted map would be, and states given away do not change", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 600 }), (steps) => {
      const index = new LeafIndex();
      const model = new Map<string, number>();
      const given: { readonly leaves: Leaves; readonly want: readonly string[] }[] = [];
      let revision = 0;
      const want = (): string[] =>
        [...model].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, at]) => `${key}@${at}`);
      for (const { kind, namespace, name } of steps) {
        const key = `${namespace}/${String(name).padStart(3, "0")}`;
        if (kind === "put") {
          const previous = index.put(object(key, ++revision));
          assert.equal(previous?.revision, model.get(key));
          model.set(key, revision);
        } else if (kind === "delete") {
          assert.equal(index.delete(key)?.revision, model.get(key));
          model.delete(key);
        } else if (kind === "snapshot") given.push({ leaves: index.leaves(), want: want() });
        else assert.deepEqual(parsed(index.leaves()), want());
      }
      check(index.leaves());
      assert.deepEqual(shown(index.leaves()), want());
      for (const namespace of ["", "a", "a-b", "a0", "b", "c"]) {
        const own = want().filter((it) => it.startsWith(`${namespace}/`));
        assert.deepEqual(shown(index.leavesIn(namespace)), own);
      }
      assert.equal(index.size, model.size);
      for (const it of given) {
        assert.deepEqual(shown(it.leaves), it.want);
        assert.deepEqual(parsed(it.leaves), it.want);
      }
    }),
    { numRuns: 60 },
  );
});

test("leaf index: loaded and filled one by one are the same, and ascending names fill leaves", () => {
  const keys = Array.from({ length: 1_000 }, (_, i) => `a/${String(i).padStart(4, "0")}`);
  const loaded = new LeafIndex();
  loaded.load(keys.map((key) => object(key, 1)));
  const filled = new LeafIndex();
  for (const key of keys) filled.put(object(key, 1));
  assert.deepEqual(shown(filled.leaves()), shown(loaded.leaves()));
  assert.equal(filled.leaves().length, Math.ceil(1_000 / leafObjectsMax));
});

test("leaf: a part of a page is the objects asked for", () => {
  const index = new LeafIndex();
  for (let i = 0; i < 10; i++) index.put(object(`a/${i}`, i + 8));
  const [leaf] = index.leaves();
  const text = leaf?.pagePart(3, 5).toString() ?? "";
  const items = JSON.parse(`[${text.slice(1)}]`) as { metadata: { name: string } }[];
  assert.deepEqual(
    items.map((it) => it.metadata.name),
    ["a/3", "a/4"],
  );
});
