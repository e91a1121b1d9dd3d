import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { PodQueue } from "./pod-queue.ts";

test("PodQueue: by priority, then in the order in which they came, each once", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(30), fc.nat(3)), { maxLength: 80 }), (pods) => {
      const queue = new PodQueue();
      const want: { key: string; priority: number }[] = [];
      for (const [name, priority] of pods) {
        const key = `p${name}`;
        queue.add(key, priority);
        if (!want.some((it) => it.key === key)) want.push({ key, priority });
      }
      want.sort((a, b) => b.priority - a.priority);
      const got: string[] = [];
      for (let key = queue.take(); key !== undefined; key = queue.take()) got.push(key);
      assert.deepEqual(
        got,
        want.map((it) => it.key),
      );
    }),
  );
});
