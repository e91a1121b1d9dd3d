import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Json } from "./object.ts";
import { formatYaml, parseYaml, YamlError } from "./yaml.ts";

function parseOne(text: string): Json {
  const { documents } = parseYaml(text);
  assert.equal(documents.length, 1);
  return documents[0]?.value ?? null;
}

const scalars: readonly (readonly [text: string, want: Json])[] = [
  ["yes", true],
  ["Off", false],
  ["y", true],
  ["NO", false],
  ["True", true],
  ["tRUE", "tRUE"],
  ["~", null],
  ["null", null],
  ["0777", 511],
  ["0o777", 511],
  ["0x1F", 31],
  ["0b101", 5],
  ["-0b11", -3],
  ["1_000", 1000],
  ["+5", 5],
  ["08", 8],
  ["1e3", 1000],
  [".5", 0.5],
  ["5.", 5],
  ["1.2.3", "1.2.3"],
  ["12:30:45", "12:30:45"],
  ["2026-01-02", "2026-01-02"],
  ["2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z"],
  ['"yes"', "yes"],
  ["'0777'", "0777"],
  ["!!str 5", "5"],
  ["!!int 5", 5],
  ["!!binary aGk=", "hi"],
  ["!custom yes", "yes"],
  ["-", [null]],
  ["1Gi", "1Gi"],
  ["-5s", "-5s"],
  ["0", 0],
  ["-0", 0],
];

for (const [text, want] of scalars) {
  test(`parseYaml(${text}) is ${JSON.stringify(want)}`, () => {
    assert.deepEqual(parseOne(text), want);
  });
}

test("a manifest", () => {
  const text = `
apiVersion: v1
kind: ConfigMap
metadata: {name: a, labels: {on: off, 1: one}}
data:
  script: |
    #!/bin/sh
    echo hi
  folded: >-
    one
    two
`;
  assert.deepEqual(parseOne(text), {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "a", labels: { true: false, "1": "one" } },
    data: { script: "#!/bin/sh\necho hi\n", folded: "one two" },
  });
});

test("several documents, empty ones among them", () => {
  const values = parseYaml("---\na: 1\n---\n---\n# nothing\n---\nb: 2\n").documents;
  assert.deepEqual(
    values.map((it) => it.value),
    [{ a: 1 }, null, null, { b: 2 }],
  );
  assert.deepEqual(parseYaml("").documents, []);
});

test("JSON is YAML", () => {
  const value = { a: [1, "two\n", { b: null }], "c d": 'é"\\' };
  assert.deepEqual(parseOne(JSON.stringify(value)), value);
  assert.deepEqual(parseOne(JSON.stringify(value, null, "\t")), value);
});

test("merge keys and aliases are copies", () => {
  const value = parseOne(`
base: &base {image: a, env: [x]}
one: {<<: *base, image: b}
two: {image: c, <<: [*base, {extra: 1}]}
three: *base
`);
  assert.deepEqual(value, {
    base: { image: "a", env: ["x"] },
    one: { image: "b", env: ["x"] },
    two: { image: "c", env: ["x"], extra: 1 },
    three: { image: "a", env: ["x"] },
  });
});

test("duplicate keys are reported with the line, and the last one counts", () => {
  const { documents } = parseYaml("a: 1\nb:\n  c: 1\n  c: 2\na: 3\n---\na: 1\n");
  assert.deepEqual(documents[0], {
    value: { a: 3, b: { c: 2 } },
    duplicates: ['line 4: key "c" already set in map', 'line 5: key "a" already set in map'],
  });
  assert.deepEqual(documents[1]?.duplicates, []);
});

const refused: readonly (readonly [text: string, line: number, column: number, reason: RegExp])[] =
  [
    ["a:\n  b: [1, 2\nc: 3", 3, 1, /indentation/],
    ["a: *nothing", 1, 5, /unknown anchor 'nothing'/],
    ["a: &x [*x]", 1, 9, /unknown anchor 'x'/],
    ["a: .inf", 1, 4, /no number/],
    ["a:\n  b: 9007199254740993", 2, 6, /beyond 2\^53; quote it/],
    ["? [a]\n: 1", 1, 3, /a key must be/],
    ["__proto__: 1", 1, 1, /__proto__/],
    ["a: !!int x", 1, 10, /cannot decode 'x' as !!int/],
    ["<<: 5", 1, 5, /map merge requires/],
  ];

for (const [text, line, column, reason] of refused) {
  test(`parseYaml refuses ${JSON.stringify(text)}`, () => {
    assert.throws(
      () => parseYaml(text),
      (error: unknown) => {
        assert.ok(error instanceof YamlError);
        assert.match(error.message, reason);
        assert.deepEqual([error.line, error.column], [line, column]);
        return true;
      },
    );
  });
}

test("an alias bomb is stopped", () => {
  const lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"];
  for (let at = 1; at < 9; at++) {
    const items = Array.from({ length: 10 }, () => `*a${at - 1}`).join(", ");
    lines.push(`a${at}: &a${at} [${items}]`);
  }
  assert.throws(() => parseYaml(lines.join("\n")), /aliases copy more than 100000 values/);
});

test("deep nesting is stopped, spelled out or by aliases", () => {
  assert.throws(() => parseYaml("[".repeat(1001) + "]".repeat(1001)), YamlError);
  const deep = "[".repeat(900) + "]".repeat(900);
  assert.throws(
    () => parseYaml(`a: &a ${deep}\nb: ${"[".repeat(200)}*a${"]".repeat(200)}`),
    /deeper/,
  );
});

test("the bounds in a custom resource's schema round as upstream's floats do", () => {
  assert.deepEqual(parseOne("maximum: 9223372036854775807"), { maximum: 2 ** 63 });
});

test("formatYaml writes as kubectl does", () => {
  const value = {
    kind: "Pod",
    apiVersion: "v1",
    spec: {
      containers: [{ name: "a", args: ["yes", "0777", "1e3", "", "a: b"] }],
      hostNetwork: true,
    },
    data: { text: "one\ntwo\n", long: "word ".repeat(40).trim(), gone: undefined },
  };
  assert.equal(
    formatYaml(value),
    `apiVersion: v1
data:
  long: ${"word ".repeat(40).trim()}
  text: |
    one
    two
kind: Pod
spec:
  containers:
  - args:
    - "yes"
    - "0777"
    - "1e3"
    - ""
    - "a: b"
    name: a
  hostNetwork: true
`,
  );
});

test("what formatYaml writes, parseYaml reads back", () => {
  const words = fc.constantFrom("yes", "y", "0o7", "0b1", "1_0", "<<", "~", ".5", "+1", "- a", "#");
  const value = fc.jsonValue({ maxDepth: 4 });
  fc.assert(
    fc.property(fc.oneof(words, fc.record({ a: words, b: fc.array(words) }), value), (it) => {
      const text = JSON.stringify(it);
      fc.pre(!/\d{16}|__proto__|e[+-]?\d/.test(text));
      // As it comes from JSON, which has no -0.
      const plain = JSON.parse(text) as Json;
      assert.deepEqual(parseOne(formatYaml(plain)), plain);
    }),
  );
});
