import assert from "node:assert/strict";
import { test } from "node:test";
import type { Json } from "#api/object.ts";
import { bindParameters } from "./sql-parameters.ts";

const cases: readonly (readonly [sql: string, given: Json, want: string, values: unknown[]])[] = [
  ["select 1 where a like '%s'", null, "select 1 where a like '%s'", []],
  ["select ?, %s", [1, "x"], "select ?, ?", [1, "x"]],
  ["select '?', \"%s\", ? -- ?", [5], "select '?', \"%s\", ? -- ?", [5]],
  ["select %(a)s, :b, :a", { a: 1, b: [2] }, "select ?, ?, ?", [1, "[2]", 1]],
  ["select :a::text, 5 %% 2", { a: null }, "select ?::text, 5 % 2", [null]],
  ["select $x$ :a $x$, :a", { a: 1 }, "select $x$ :a $x$, ?", [1]],
];

for (const [sql, given, want, values] of cases) {
  test(`sql parameters: ${sql} with ${JSON.stringify(given)}`, () => {
    assert.deepEqual(bindParameters(sql, given), { sql: want, values });
  });
}

test("sql parameters: one without a value is named", () => {
  assert.throws(() => bindParameters("select :a", { b: 1 }), /parameter 'a' has no value/);
  assert.throws(() => bindParameters("select ?, ?", [1]), /more parameters than the 1 that are/);
});
