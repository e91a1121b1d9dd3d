import assert from "node:assert/strict";
import { test } from "node:test";
import { readExposition, valueOf } from "./exposition-check.ts";

const head = "# HELP a A.\n# TYPE a counter\n";
const bad: [text: string, why: RegExp][] = [
  ["a 1\n", /not of the family/],
  [`${head}a 1`, /last line/],
  [`${head}a one\n`, /no sample/],
  [`${head}a{x="1",} 1\n`, /no sample/],
  [`${head}a{x="\n"} 1\n`, /no sample/],
  [`${head}a{x="1"} 1\na{x="1"} 2\n`, /series twice/],
  [`${head}a{x="1",x="2"} 1\n`, /label x twice/],
  [`${head}b 1\n`, /not of the family/],
  [`${head}a 1\n${head}`, /announced twice/],
  ["# TYPE a counter\na 1\n", /no help/],
  [
    '# HELP h H.\n# TYPE h histogram\nh_bucket{le="1"} 2\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 1\n',
    /shrinks/,
  ],
  ['# HELP h H.\n# TYPE h histogram\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 2\n', /not its count/],
];

for (const [text, why] of bad) {
  test(`readExposition refuses ${JSON.stringify(text)}`, () => {
    assert.throws(() => readExposition(text), why);
  });
}

test("readExposition: samples with their labels", () => {
  const samples = readExposition(`${head}a{x="1",y="a\\"b"} 2.5 1000\na{x="2"} +Inf\n`);
  assert.equal(valueOf(samples, "a", { x: "1" }), 2.5);
  assert.equal(valueOf(samples, "a", { x: "2" }), Infinity);
  assert.equal(valueOf(samples, "a", { x: "3" }), undefined);
});
