import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import type { Json, JsonObject } from "#api/object.ts";
import { copyJson, depthOf, equalJson, ownValue, setOwn, sortedKeys } from "./json-value.ts";

test("copyJson: equal, and nothing shared", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (given) => {
      const value = given;
      const copy = copyJson(value);
      assert.equal(JSON.stringify(copy), JSON.stringify(value));
      assert.equal(equalJson(copy, value), true);
      if (typeof value === "object" && value !== null) assert.notEqual(copy, value);
    }),
  );
});

test("equalJson: by content, whatever the order of keys", () => {
  const equal: [Json, Json][] = [
    [
      { a: 1, b: [2] },
      { b: [2], a: 1 },
    ],
    [[], []],
    [null, null],
  ];
  const different: [Json, Json][] = [
    [{ a: 1 }, { a: 1, b: 2 }],
    [{ a: 1, b: 2 }, { a: 1 }],
    [[1], [1, 2]],
    [{}, []],
    [{ a: null }, {}],
    ["1", 1],
    [{ toString: 1 }, {}],
  ];
  for (const [left, right] of equal) assert.equal(equalJson(left, right), true);
  for (const [left, right] of different) assert.equal(equalJson(left, right), false);
});

test("ownValue and setOwn: what is inherited is not seen, __proto__ is a key", () => {
  const object: JsonObject = {};
  assert.equal(ownValue(object, "toString"), undefined);
  setOwn(object, "__proto__", { a: 1 });
  assert.deepEqual(ownValue(object, "__proto__"), { a: 1 });
  assert.equal(object["a"], undefined);
});

test("depthOf: containers around the innermost value", () => {
  assert.equal(depthOf(1), 0);
  assert.equal(depthOf([]), 1);
  assert.equal(depthOf({ a: [1, { b: 2 }] }), 3);
});

test("sortedKeys: as sort does, few or many", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.constant(1), { maxKeys: 100 }), (object) => {
      assert.deepEqual(sortedKeys(object), Object.keys(object).sort());
    }),
  );
});
