import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { VersionIndex } from "./version-index.ts";

test("VersionIndex: the worked example of its comment", () => {
  const index = new VersionIndex();
  index.add("/a", { revision: 5, createRevision: 5 });
  index.add("/b", { revision: 6, createRevision: 6 });
  index.add("/a", { revision: 7, createRevision: 5 });
  index.add("/b", { revision: 8, createRevision: 0 });
  assert.deepEqual(index.compact(7), [5]);
  assert.equal(index.find("/b", 7)?.revision, 6);
  assert.equal(index.find("/b"), undefined);
  assert.deepEqual(index.compact(8), [6, 8]);
  assert.equal(index.size, 1);
});

test("VersionIndex: compaction never changes what a later revision shows, and forgets the rest", () => {
  const step = fc.tuple(fc.constantFrom("/a", "/b", "/c"), fc.boolean());
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), fc.nat(40), (steps, cut) => {
      const index = new VersionIndex();
      const kept = new Set<number>();
      let revision = 0;
      for (const [key, remove] of steps) {
        if (remove && index.find(key) === undefined) continue;
        revision += 1;
        const createRevision = remove ? 0 : (index.find(key)?.createRevision ?? revision);
        index.add(key, { revision, createRevision });
        kept.add(revision);
      }
      const at = Math.min(cut, revision);
      const views = Array.from({ length: revision - at + 1 }, (_, i) => [
        ...index.range("/", "0", at + i),
      ]);
      for (const gone of index.compact(at)) assert.equal(kept.delete(gone), true);
      views.forEach((view, i) => {
        assert.deepEqual([...index.range("/", "0", at + i)], view);
      });
      for (const gone of kept) {
        if (gone > at) continue;
        const shown = [...index.range("/", "0", at)].some(([, it]) => it.revision === gone);
        assert.equal(shown, true, `revision ${gone} is history and was kept`);
      }
    }),
  );
});
