import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { StatusError } from "#api/status.ts";
import { decodeJson, findDuplicateKeys, nestingMax } from "./decode.ts";

function refused(text: string, message: RegExp): void {
  assert.throws(
    () => decodeJson(text),
    (error: unknown) =>
      error instanceof StatusError && error.code === 400 && message.test(error.message),
  );
}

test("decodeJson agrees with JSON.parse on any ordinary value", () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 6 }), (value) => {
      const text = JSON.stringify(value);
      fc.pre(!/\d{16}|__proto__/.test(text));
      assert.deepEqual(decodeJson(text), JSON.parse(text));
    }),
  );
});

test("decodeJson refuses what is not JSON", () => {
  for (const text of ["", "{", "[1,]", '{"a":1}x', "NaN"]) refused(text, /not JSON/);
});

test("decodeJson refuses the key that would change a prototype, spelled either way", () => {
  refused('{"metadata":{"__proto__":{"admin":true}}}', /__proto__/);
  refused('{"a":{"\\u005f_proto__":1}}', /__proto__/);
  assert.deepEqual(decodeJson('{"data":{"app.js":"x.__proto__ = y"}}'), {
    data: { "app.js": "x.__proto__ = y" },
  });
});

test("decodeJson bounds the nesting, and does not count brackets in strings", () => {
  const deep = (levels: number): string => "[".repeat(levels) + "]".repeat(levels);
  assert.ok(Array.isArray(decodeJson(deep(nestingMax))));
  refused(deep(nestingMax + 1), /nested deeper than 1000/);
  refused('{"a":'.repeat(nestingMax + 1) + "1" + "}".repeat(nestingMax + 1), /nested deeper/);
  const quoted = JSON.stringify({ a: '"['.repeat(5000) });
  assert.deepEqual(decodeJson(quoted), JSON.parse(quoted));
});

test("decodeJson refuses integers that a double cannot hold", () => {
  assert.deepEqual(decodeJson('{"a":9007199254740991}'), { a: Number.MAX_SAFE_INTEGER });
  refused('{"a":9007199254740993}', /9007199254740993 of "a"/);
  refused("[-9223372036854775808]", /beyond 2\^53/);
  assert.deepEqual(decodeJson('{"a":0.1234567890123456789}'), { a: 0.12345678901234568 });
  assert.deepEqual(decodeJson('{"a":"9007199254740993"}'), { a: "9007199254740993" });
});

test("decodeJson rounds the bounds of a custom resource's schema, which are floats upstream", () => {
  const text = '{"kind":"CustomResourceDefinition","spec":{"maximum":9223372036854775807}}';
  assert.deepEqual(decodeJson(text), {
    kind: "CustomResourceDefinition",
    spec: { maximum: 2 ** 63 },
  });
});

const duplicates: readonly (readonly [text: string, want: readonly string[]])[] = [
  ['{"a":1,"b":{"a":2}}', []],
  ['{"a":1,"a":2}', ["a"]],
  ['{"a":1,"a":2,"a":3}', ["a"]],
  ['{"spec":{"replicas":1,"replicas":2}}', ["spec.replicas"]],
  [
    '{"spec":{"containers":[{"name":"x"},{"name":"y","image":"1","image":"2"}]}}',
    ["spec.containers[1].image"],
  ],
  ['{"metadata":{"labels":{"a\\"b":"1","a\\u0022b":"2"}}}', ['metadata.labels.a"b']],
  ['{"a":"a","b":["a","a"],"c":{"a":"{\\"a\\":1,\\"a\\":1}"}}', []],
  ['[[{"a":1,"a":1}],{"b":1}]', ["[0][0].a"]],
  ["{}", []],
];

for (const [text, want] of duplicates) {
  test(`findDuplicateKeys(${text})`, () => {
    assert.deepEqual(
      findDuplicateKeys(text),
      want.map((it) => `duplicate field ${JSON.stringify(it)}`),
    );
  });
}

test("findDuplicateKeys finds nothing in what JSON.stringify writes", () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 6 }), (value) => {
      assert.deepEqual(findDuplicateKeys(JSON.stringify(value)), []);
    }),
  );
});
