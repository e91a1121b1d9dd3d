import assert from "node:assert/strict";
import { test } from "node:test";
import { allOf, anyOf, asset } from "#dag/authoring/asset.ts";
import { scheduleModel } from "#dag/authoring/schedule.ts";
import { assetsOf, describeCondition, isMet } from "./asset.ts";

const [a, b, c] = [asset("a"), asset("b"), asset("s3://bucket/c", { group: "lake" })];

const cases: [schedule: Parameters<typeof scheduleModel>[0], text: string, met: string[][]][] = [
  [a, "a", [["a"], ["a", "b"]]],
  [[a, b], "a & b", [["a", "b"]]],
  [anyOf(a, b), "a | b", [["a"], ["b"], ["a", "b"]]],
  [
    allOf(a, anyOf(b, c)),
    "a & (b | s3://bucket/c)",
    [
      ["a", "b"],
      ["a", "s3://bucket/c"],
    ],
  ],
];
const made = [[], ["a"], ["b"], ["a", "b"], ["a", "s3://bucket/c"]];

for (const [schedule, text, met] of cases) {
  test(`isMet: ${text}`, () => {
    const model = scheduleModel(schedule, "UTC");
    assert.ok(model.kind === "assets");
    assert.equal(describeCondition(model.when), text);
    const wanted = new Set(met.map((it) => it.join(" ")));
    const names = new Set(assetsOf(model.when).map((it) => it.name));
    for (const it of made) {
      const relevant = it.filter((name) => names.has(name));
      const want = wanted.has(it.join(" ")) || wanted.has(relevant.join(" "));
      assert.equal(
        isMet(model.when, { assets: new Set(it), aliases: new Set() }),
        want,
        it.join(" "),
      );
    }
  });
}
