import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { interpolate, InterpolationError } from "./interpolation.ts";

const variables: Readonly<Record<string, string>> = { A: "a", EMPTY: "", B: "b", TAG: "1.2" };
function lookup(name: string): string | undefined {
  return variables[name];
}

const cases: readonly (readonly [text: string, want: string, unset?: readonly string[]])[] = [
  ["plain", "plain"],
  ["$A", "a"],
  ["${A}", "a"],
  ["x$A/y", "xa/y"],
  ["$AB", "", ["AB"]],
  ["$$A", "$A"],
  ["$$$A", "$a"],
  ["$${A}", "${A}"],
  ["${NONE}", "", ["NONE"]],
  ["${NONE:-d}", "d"],
  ["${NONE-d}", "d"],
  ["${EMPTY:-d}", "d"],
  ["${EMPTY-d}", ""],
  ["${A:-d}", "a"],
  ["${A:+r}", "r"],
  ["${A+r}", "r"],
  ["${EMPTY:+r}", ""],
  ["${EMPTY+r}", "r"],
  ["${NONE:+r}", ""],
  ["${A:?e}", "a"],
  ["${EMPTY?e}", ""],
  ["${NONE:-${A}}", "a"],
  ["${NONE:-$A$B}", "ab"],
  ["${NONE:-${ALSO:-x}}", "x"],
  ["${NONE:-${ALSO}}", "", ["ALSO"]],
  ["${A:-${ALSO}}", "a"],
  ["image:${TAG}-slim", "image:1.2-slim"],
  ["${NONE:-apache/airflow:|version|}", "apache/airflow:|version|"],
  ["${NONE:-a:-b}", "a:-b"],
  ["${NONE:-}", ""],
  ["}", "}"],
  ['${NONE:-{"a":"b"}x}y', '{"a":"b"}xy'],
  ['${A:-{"a":"b"}}', "a"],
  ["${NONE:-{}", "{"],
  ["${NONE:-a}b}", "ab}"],
  ["{${A}}", "{a}"],
  // What is not wanted is not looked at.
  ["${A:-${NONE:?why}}", "a"],
  ["$1 $ $(x) $-", "$1 $ $(x) $-"],
];

for (const [text, want, unset = []] of cases) {
  test(`interpolate: ${text}`, () => {
    assert.deepEqual(interpolate(text, lookup), { text: want, unset });
  });
}

const refused: readonly (readonly [text: string, message: RegExp])[] = [
  ["${NONE:?name it}", /^required variable NONE is missing a value: name it$/],
  ["${EMPTY:?}", /^required variable EMPTY is missing a value$/],
  ["${NONE?e}", /missing a value: e$/],
  ["${A:=x}", /invalid interpolation format: "\$\{A:=x\}"/],
  ["${A", /invalid interpolation format/],
  ["${}", /invalid interpolation format/],
  ["${A!}", /invalid interpolation format/],
  ["${1A}", /invalid interpolation format/],
];

for (const [text, message] of refused) {
  test(`interpolate refuses ${text}`, () => {
    assert.throws(() => interpolate(text, lookup), { name: "InterpolationError", message });
  });
}

test("interpolate: any text with its dollars doubled is itself", () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      assert.equal(interpolate(text.replaceAll("$", "$$$$"), lookup).text, text);
    }),
  );
});

test("interpolate: deep nesting ends with an error, not with the stack", () => {
  const text = "${N:-".repeat(10_000) + "}".repeat(10_000);
  assert.throws(() => interpolate(text, lookup), InterpolationError);
});
