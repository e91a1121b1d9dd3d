import assert from "node:assert/strict";
import { test } from "node:test";
import type { Json, JsonObject } from "#api/object.ts";
import { dag, param } from "#dag/authoring/dag.ts";
import { task } from "#dag/authoring/task.ts";
import { readCases } from "#testing/case-table.ts";
import { checkParams, runParams } from "./check.ts";

const cases: readonly (readonly [schema: JsonObject, value: Json, want: string | undefined])[] = [
  [{}, { anything: [1] }, undefined],
  [{ type: "integer", minimum: 1 }, 1, undefined],
  [{ type: "integer", minimum: 1 }, 0, "param p: 0 is less than 1."],
  [{ type: "integer" }, "1", 'param p: Instance type "string" is invalid. Expected "integer".'],
  [{ type: ["null", "string"], maxLength: 2 }, null, undefined],
  [{ type: ["null", "string"], maxLength: 2 }, "abc", "param p: String is too long (3 > 2)."],
  [{ enum: ["eu", "us"] }, "asia", 'param p: Instance does not match any of ["eu","us"].'],
  [{ type: "string", format: "date" }, "2026-02-30x", "param p: String does not match format"],
  [{ type: "string", format: "date" }, "2026-02-28", undefined],
  [{ type: "string", pattern: "^[a-z]+$" }, "A", "param p: String does not match pattern."],
  [
    { type: "array", items: { properties: { a: { type: "number" } } } },
    [{ a: 1 }, { a: "z" }],
    'param p[1].a: Instance type "string" is invalid. Expected "number".',
  ],
  [
    { type: "object", required: ["a"] },
    {},
    'param p: Instance does not have required property "a"',
  ],
];

for (const [schema, value, want] of cases) {
  test(`params: ${JSON.stringify(schema)} of ${JSON.stringify(value)}`, () => {
    const check = (): void => {
      checkParams({ p: { schema } }, { p: value });
    };
    if (want === undefined) check();
    else
      assert.throws(check, (error: Error) => error.message.startsWith(`Invalid input for ${want}`));
  });
}

test("params: a value must come from somewhere, and the configuration goes first", () => {
  const params = { a: { default: 1, schema: {} }, b: { schema: { type: "string" } } };
  assert.throws(() => {
    checkParams(params, {});
  }, /Param b has no default value/);
  checkParams(params, { b: "x" });
  assert.deepEqual(runParams(params, { b: "x", c: 2 }), { a: 1, b: "x", c: 2 });
});

test("params: a DAG with a schedule needs good defaults", () => {
  const declare = (schedule: string | null): unknown =>
    dag("d", { schedule, params: { n: param(0, { type: "integer", minimum: 1 }) } }, () => null);
  assert.throws(() => declare("@daily"), /scheduled runs cannot start: Invalid input for param n/);
  declare(null);
});

test("params: they are arguments, with their types", () => {
  const load = task("load", (input: { limit: number; region: string }) => input.limit);
  const params = { limit: param(5, { type: "integer" }), region: "eu" };
  const made = dag("d", { params }, (given) => {
    load({ limit: given.limit, region: given.region });
    // @ts-expect-error a text is no number
    load.with({ id: "bad" })({ limit: given.region, region: "" });
  });
  assert.deepEqual(made.model.tasks[0]?.arguments, {
    limit: { $param: "limit" },
    region: { $param: "region" },
  });
});

test("params: takes and refuses what Airflow does", () => {
  interface Case {
    readonly schema: JsonObject;
    readonly value: Json;
    readonly want: boolean;
  }
  const table = readCases(new URL("./cases/params.json", import.meta.url), 60) as readonly Case[];
  const wrong = table.filter(({ schema, value, want }) => {
    try {
      checkParams({ p: { schema } }, { p: value });
      return !want;
    } catch {
      return want;
    }
  });
  assert.deepEqual(wrong, []);
});
