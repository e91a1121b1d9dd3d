import assert from "node:assert/strict";
import { test } from "node:test";
import type { Json, JsonObject } from "#api/object.ts";
import { StatusError } from "#api/status.ts";
import { applyJsonPatch, jsonPatchOperationsMax } from "./json-patch.ts";

type Row = readonly [name: string, given: JsonObject, patch: Json, want: JsonObject];

const applied: readonly Row[] = [
  ["add a key", { a: 1 }, [{ op: "add", path: "/b", value: 2 }], { a: 1, b: 2 }],
  ["add replaces a key", { a: 1 }, [{ op: "add", path: "/a", value: 2 }], { a: 2 }],
  ["add null", {}, [{ op: "add", path: "/a", value: null }], { a: null }],
  ["add without value is null", {}, [{ op: "add", path: "/a" }], { a: null }],
  ["add in a list", { a: [1, 3] }, [{ op: "add", path: "/a/1", value: 2 }], { a: [1, 2, 3] }],
  ["add at the end", { a: [1] }, [{ op: "add", path: "/a/-", value: 2 }], { a: [1, 2] }],
  ["add at the length", { a: [1] }, [{ op: "add", path: "/a/1", value: 2 }], { a: [1, 2] }],
  ["add from the end", { a: [1, 2] }, [{ op: "add", path: "/a/-1", value: 3 }], { a: [1, 2, 3] }],
  ["escapes", { "a/b": { "c~d": 1 } }, [{ op: "remove", path: "/a~1b/c~0d" }], { "a/b": {} }],
  ["~01 is ~1", { "~1": 1 }, [{ op: "replace", path: "/~01", value: 2 }], { "~1": 2 }],
  ["empty key", {}, [{ op: "add", path: "/", value: 1 }], { "": 1 }],
  ["remove", { a: 1, b: 2 }, [{ op: "remove", path: "/a" }], { b: 2 }],
  ["remove from a list", { a: [1, 2, 3] }, [{ op: "remove", path: "/a/1" }], { a: [1, 3] }],
  ["remove the last", { a: [1, 2] }, [{ op: "remove", path: "/a/-1" }], { a: [1] }],
  ["replace", { a: { b: 1 } }, [{ op: "replace", path: "/a/b", value: [] }], { a: { b: [] } }],
  ["replace a missing key sets it", {}, [{ op: "replace", path: "/a", value: 1 }], { a: 1 }],
  ["replace all", { a: 1 }, [{ op: "replace", path: "", value: { b: 2 } }], { b: 2 }],
  [
    "move",
    { a: { b: 1 }, c: {} },
    [{ op: "move", from: "/a/b", path: "/c/d" }],
    { a: {}, c: { d: 1 } },
  ],
  [
    "copy",
    { a: { b: [1] } },
    [{ op: "copy", from: "/a/b", path: "/c" }],
    { a: { b: [1] }, c: [1] },
  ],
  [
    "test passes",
    { a: { b: [1, { c: 2 }] } },
    [{ op: "test", path: "/a", value: { b: [1, { c: 2 }] } }],
    { a: { b: [1, { c: 2 }] } },
  ],
  ["test of an absent key against null", {}, [{ op: "test", path: "/a", value: null }], {}],
  ["test of the whole", { a: 1 }, [{ op: "test", path: "", value: { a: 1 } }], { a: 1 }],
  [
    "operations run in order",
    { a: 1 },
    [
      { op: "add", path: "/b", value: {} },
      { op: "add", path: "/b/c", value: 1 },
      { op: "test", path: "/b/c", value: 1 },
    ],
    { a: 1, b: { c: 1 } },
  ],
];

for (const [name, given, patch, want] of applied) {
  test(`JSON patch: ${name}`, () => {
    const before = JSON.stringify([given, patch]);
    assert.deepEqual(applyJsonPatch(given, patch), want);
    assert.equal(JSON.stringify([given, patch]), before, "the arguments are left alone");
  });
}

const refused: readonly (readonly [
  given: JsonObject,
  patch: Json,
  code: number,
  message: RegExp,
])[] = [
  [{}, {}, 400, /error decoding patch/],
  [{}, "x", 400, /error decoding patch/],
  [{}, [1], 400, /item 0 is not an object/],
  [{ a: 1 }, [{ op: "test", path: "/a", value: 2 }], 422, /testing value \/a failed: test failed/],
  [{ a: 1 }, [{ op: "test", path: "/a", value: "1" }], 422, /test failed/],
  [{ a: { b: 1 } }, [{ op: "test", path: "/a", value: {} }], 422, /test failed/],
  [{}, [{ op: "test", path: "/a/b", value: 1 }], 422, /doc is missing path: "\/a\/b"/],
  [{}, [{ op: "remove", path: "/a" }], 422, /Unable to remove nonexistent key: a: missing value/],
  [{}, [{ op: "remove", path: "/toString" }], 422, /nonexistent key: toString/],
  [{}, [{ op: "add", path: "/constructor/x", value: 1 }], 422, /missing path/],
  [{}, [{ op: "add", path: "/__proto__/x", value: 1 }], 422, /missing path/],
  [{}, [{ op: "add", path: "/a/b", value: 1 }], 422, /add operation does not apply/],
  [{ a: [] }, [{ op: "add", path: "/a/1", value: 1 }], 422, /invalid index: 1/],
  [{ a: [1] }, [{ op: "add", path: "/a/-3", value: 1 }], 422, /invalid index: -3/],
  [{ a: [1] }, [{ op: "add", path: "/a/x", value: 1 }], 422, /invalid index: x/],
  [{ a: [1] }, [{ op: "remove", path: "/a/1" }], 422, /invalid index: 1/],
  [{ a: [1] }, [{ op: "replace", path: "/a/1", value: 1 }], 422, /missing key: \/a\/1/],
  [{ a: "s" }, [{ op: "add", path: "/a/b", value: 1 }], 422, /missing path/],
  [{}, [{ op: "move", from: "/a", path: "/b" }], 422, /nonexistent key: a/],
  [{}, [{ op: "copy", from: "/a/b", path: "/b" }], 422, /copy operation does not apply/],
  [{}, [{ op: "frobnicate", path: "/a" }], 422, /Unexpected kind: frobnicate/],
  [{}, [{ path: "/a" }], 422, /Unexpected kind: unknown/],
  [{}, [{ op: "add", value: 1 }], 422, /add operation failed to decode path/],
  [{}, [{ op: "move", path: "/a" }], 422, /move operation failed to decode from/],
  [{}, [{ op: "replace", path: "", value: [] }], 422, /not an object/],
];

test("JSON patch: what is refused, and how", () => {
  for (const [given, patch, code, message] of refused) {
    assert.throws(
      () => applyJsonPatch(given, patch),
      (it) => it instanceof StatusError && it.code === code && message.test(it.message),
      JSON.stringify(patch),
    );
  }
});

test("JSON patch: bounds on operations, copied bytes and depth", () => {
  const operation = { op: "test", path: "/a", value: 1 };
  const most = Array.from({ length: jsonPatchOperationsMax }, () => operation);
  assert.deepEqual(applyJsonPatch({ a: 1 }, most), { a: 1 });
  assert.throws(() => applyJsonPatch({ a: 1 }, [...most, operation]), {
    code: 413,
    message:
      "Request entity too large: The allowed maximum operations in a JSON patch is 10000, got 10001",
  });
  const doubling = Array.from({ length: 40 }, (_, i) => ({
    op: "copy",
    from: "/a",
    path: `/a/k${i}`,
  }));
  assert.throws(() => applyJsonPatch({ a: {} }, doubling), {
    code: 422,
    message: /accumulated size/,
  });
  const nesting = Array.from({ length: 600 }, () => ({ op: "copy", from: "/a", path: "/a/a/a" }));
  assert.throws(() => applyJsonPatch({ a: { a: {} } }, nesting), {
    code: 422,
    message: /nest more/,
  });
});

test("JSON patch: __proto__ is a key like any other", () => {
  const value = { polluted: "yes" };
  const result = applyJsonPatch({}, [{ op: "add", path: "/__proto__", value }]);
  assert.equal(JSON.stringify(result), '{"__proto__":{"polluted":"yes"}}');
  assert.equal(({} as JsonObject)["polluted"], undefined);
});
