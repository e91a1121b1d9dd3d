import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { compareElements } from "./element.ts";
import {
  difference,
  hasPath,
  intersection,
  leaves,
  parseFields,
  pathTexts,
  recursiveDifference,
  union,
  type Fields,
} from "./field-set.ts";

/** A set of dotted paths: `a.b` is the member b below a. */
function setOf(...paths: string[]): Fields | undefined {
  let set: Fields | undefined;
  for (const path of paths) {
    let node: Fields = {};
    for (const name of path.split(".").reverse()) node = { [`f:${name}`]: node };
    set = union(set, node);
  }
  return set;
}

function paths(set: Fields | undefined): string[] {
  return pathTexts(set)
    .map((it) => it.slice(1))
    .sort();
}

test("union, difference, intersection: exact paths, a parent is another member than its child", () => {
  const table: [
    left: string[],
    right: string[],
    union: string[],
    difference: string[],
    intersection: string[],
  ][] = [
    [["a"], ["b"], ["a", "b"], ["a"], []],
    [["a"], ["a"], ["a"], [], ["a"]],
    [["a"], ["a.b"], ["a", "a.b"], ["a"], []],
    [["a.b"], ["a"], ["a", "a.b"], ["a.b"], []],
    [["a", "a.b"], ["a.b"], ["a", "a.b"], ["a"], ["a.b"]],
    [["a", "a.b"], ["a"], ["a", "a.b"], ["a.b"], ["a"]],
    [["a.b.c", "a.b.d"], ["a.b.d", "a.e"], ["a.b.c", "a.b.d", "a.e"], ["a.b.c"], ["a.b.d"]],
    [[], ["a"], ["a"], [], []],
    [["a"], [], ["a"], ["a"], []],
  ];
  for (const [left, right, united, subtracted, common] of table) {
    const [a, b] = [setOf(...left), setOf(...right)];
    assert.deepEqual(paths(union(a, b)), united);
    assert.deepEqual(paths(difference(a, b)), subtracted);
    assert.deepEqual(paths(intersection(a, b)), common);
  }
});

test("recursiveDifference: what lies below goes along", () => {
  const set = setOf("a", "a.b", "a.b.c", "d.e");
  assert.deepEqual(paths(recursiveDifference(set, setOf("a"))), ["d.e"]);
  assert.deepEqual(paths(recursiveDifference(set, setOf("a.b"))), ["a", "d.e"]);
  assert.deepEqual(paths(recursiveDifference(set, setOf("d"))), ["a", "a.b", "a.b.c"]);
});

test("leaves, hasPath, pathTexts", () => {
  const set = setOf("a", "a.b", "c");
  assert.deepEqual(paths(leaves(set)), ["a.b", "c"]);
  assert.equal(hasPath(set, ["f:a"]), true);
  assert.equal(hasPath(set, ["f:a", "f:b"]), true);
  assert.equal(hasPath(setOf("a.b"), ["f:a"]), false);
  assert.equal(hasPath(set, []), false);
  const keyed: Fields = {
    "f:spec": {
      "f:ports": { 'k:{"port":80,"protocol":"TCP"}': { ".": {}, "f:name": {} } },
      "f:set": { 'v:"x"': {}, "i:3": {} },
    },
  };
  assert.deepEqual(pathTexts(keyed), [
    '.spec.ports[port=80,protocol="TCP"]',
    '.spec.ports[port=80,protocol="TCP"].name',
    '.spec.set[="x"]',
    ".spec.set[3]",
  ]);
});

test("compareElements: fields, keys, values, indices; numbers by value", () => {
  const ordered = [
    ".",
    "f:a",
    "f:a b",
    "f:b",
    'k:{"name":"a"}',
    'k:{"name":"a b"}',
    'k:{"name":"b"}',
    'k:{"port":80,"protocol":"TCP"}',
    'k:{"port":80,"protocol":"UDP"}',
    'k:{"port":443,"protocol":"TCP"}',
    "v:2",
    "v:10",
    'v:"a"',
    "i:2",
    "i:10",
  ];
  for (const [i, left] of ordered.entries()) {
    for (const [j, right] of ordered.entries()) {
      assert.equal(Math.sign(compareElements(left, right)), Math.sign(i - j), `${left} ${right}`);
    }
  }
});

test("parseFields: canonical and ordered, undefined for nothing", () => {
  assert.equal(parseFields({}), undefined);
  assert.equal(parseFields([]), undefined);
  assert.equal(parseFields({ "?:a": {} }), undefined);
  const text =
    '{"f:b":{"f:c":{},".":{}},"f:a":{".":{}},"__proto__":{},"k:{\\"b\\":1,\\"a\\":2}":{},"v:x":{}}';
  const parsed = parseFields(JSON.parse(text) as Fields);
  assert.equal(
    JSON.stringify(parsed),
    '{"f:a":{},"f:b":{".":{},"f:c":{}},"k:{\\"a\\":2,\\"b\\":1}":{}}',
  );
});

test("sets obey the laws of sets", () => {
  const path = fc.array(fc.constantFrom("a", "b", "c"), { minLength: 1, maxLength: 3 });
  const set = fc.array(
    path.map((it) => it.join(".")),
    { maxLength: 6 },
  );
  fc.assert(
    fc.property(set, set, (left, right) => {
      const [a, b] = [setOf(...left), setOf(...right)];
      const [inLeft, inRight] = [new Set(left), new Set(right)];
      const want = (keep: (it: string) => boolean): string[] =>
        [...new Set([...left, ...right])].filter(keep).sort();
      assert.deepEqual(
        paths(union(a, b)),
        want(() => true),
      );
      assert.deepEqual(
        paths(intersection(a, b)),
        want((it) => inLeft.has(it) && inRight.has(it)),
      );
      assert.deepEqual(
        paths(difference(a, b)),
        want((it) => inLeft.has(it) && !inRight.has(it)),
      );
      const parsed = parseFields(JSON.parse(JSON.stringify(a ?? {})) as Fields);
      assert.equal(JSON.stringify(parsed), JSON.stringify(a), "the form is canonical");
    }),
  );
});
