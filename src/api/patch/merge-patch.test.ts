import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import type { Json, JsonObject } from "#api/object.ts";
import { applyMergePatch } from "./merge-patch.ts";

// The first rows are the examples of RFC 7386, appendix A, that are objects.
const table: readonly (readonly [given: JsonObject, patch: JsonObject, want: JsonObject])[] = [
  [{ a: "b" }, { a: "c" }, { a: "c" }],
  [{ a: "b" }, { b: "c" }, { a: "b", b: "c" }],
  [{ a: "b" }, { a: null }, {}],
  [{ a: "b", b: "c" }, { a: null }, { b: "c" }],
  [{ a: ["b"] }, { a: "c" }, { a: "c" }],
  [{ a: "c" }, { a: ["b"] }, { a: ["b"] }],
  [{ a: { b: "c" } }, { a: { b: "d", c: null } }, { a: { b: "d" } }],
  [{ a: [{ b: "c" }] }, { a: [1] }, { a: [1] }],
  [{ e: null }, { a: 1 }, { e: null, a: 1 }],
  [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  [{ a: 1 }, {}, { a: 1 }],
  [{ a: { b: 1 } }, { a: {} }, { a: { b: 1 } }],
  [{ a: 1 }, { a: { b: 1, c: null } }, { a: { b: 1 } }],
  [{}, { a: [{ b: null, c: 1 }, null] }, { a: [{ c: 1 }, null] }],
];

test("merge patch: RFC 7386", () => {
  for (const [given, patch, want] of table) {
    const before = JSON.stringify([given, patch]);
    assert.deepEqual(applyMergePatch(given, patch), want);
    assert.equal(JSON.stringify([given, patch]), before, "the arguments are left alone");
  }
});

test("merge patch: only objects are patches", () => {
  for (const patch of [null, 1, "a", []] as Json[]) {
    assert.throws(() => applyMergePatch({}, patch), { code: 400, message: "Invalid JSON Patch" });
  }
});

test("merge patch: __proto__ is a key like any other", () => {
  const patch = JSON.parse('{"__proto__":{"polluted":"yes"}}') as Json;
  assert.equal(JSON.stringify(applyMergePatch({}, patch)), '{"__proto__":{"polluted":"yes"}}');
  assert.equal(({} as JsonObject)["polluted"], undefined);
});

test("merge patch: applying it twice changes nothing more", () => {
  const json = fc.letrec<{ value: Json; object: JsonObject }>((tie) => ({
    value: fc.oneof(fc.constant(null), fc.integer(), fc.constant("s"), tie("object")),
    object: fc.dictionary(fc.constantFrom("a", "b", "c"), tie("value"), { maxKeys: 3 }),
  })).object;
  fc.assert(
    fc.property(json, json, (given, patch) => {
      const once = applyMergePatch(given, patch);
      assert.deepEqual(applyMergePatch(once, patch), once);
    }),
  );
});
