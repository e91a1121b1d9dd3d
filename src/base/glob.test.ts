import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { compileDeepGlob, compileGlob } from "./glob.ts";

test("compileGlob: stars match what a plain search for all places would", () => {
  const pattern = fc.string({ unit: fc.constantFrom("*", "*", "a", "b", "?", "/"), maxLength: 8 });
  const text = fc.string({ unit: fc.constantFrom("a", "b", "/"), maxLength: 12 });
  fc.assert(
    fc.property(pattern, text, (glob, path) => {
      const plain = glob.replaceAll(/[*?]/g, (it) => (it === "*" ? "[^/]*" : "[^/]"));
      const want = new RegExp(`^${plain}$`, "su").test(path);
      assert.equal(compileGlob(glob).test(path), want);
      if (!glob.includes("**")) assert.equal(compileDeepGlob(glob).test(path), want);
    }),
    { numRuns: 2_000 },
  );
});

test("compileGlob: many stars come to an end", () => {
  // Places to the power of 30 would not be gone through in any time.
  const path = "a".repeat(2_000);
  for (const compile of [compileGlob, compileDeepGlob]) {
    assert.equal(compile(`${"*a".repeat(30)}*b`).test(path), false);
    assert.equal(compile(`${"*a".repeat(30)}*`).test(path), true);
  }
});
