import assert from "node:assert/strict";
import { test } from "node:test";
import {
  boolean,
  date,
  integer,
  list,
  nullable,
  object,
  oneOf,
  readBody,
  readQuery,
  required,
  text,
  withDefault,
  type Field,
} from "./fields.ts";
import { ApiProblem } from "./problem.ts";

/** What is wrong, as `type at.place`; or the value. */
function read(act: () => Readonly<Record<string, unknown>>): string {
  try {
    return JSON.stringify(act());
  } catch (error) {
    assert.ok(error instanceof ApiProblem && typeof error.detail !== "string");
    assert.equal(error.status, 422);
    return error.detail.map((it) => `${it.type} ${it.loc.join(".")}`).join(", ");
  }
}

const queries: [field: Field<unknown>, query: string, want: string][] = [
  [integer(), "x=3", '{"x":3}'],
  [integer(), "x=3.5", "int_parsing query.x"],
  [integer({ min: 0 }), "x=-1", "greater_than_equal query.x"],
  [withDefault(integer(), 50), "", '{"x":50}'],
  [boolean(), "x=True", '{"x":true}'],
  [boolean(), "x=maybe", "bool_parsing query.x"],
  [list(text()), "x=a&x=b", '{"x":["a","b"]}'],
  [list(integer()), "x=1&x=b", "int_parsing query.x"],
  [text(), "x=a&x=b", '{"x":"b"}'],
  [oneOf(["any", "all"]), "x=some", "enum query.x"],
  [date(), "x=2026-01-31T00:00:00Z", '{"x":1769817600000}'],
  [date(), "x=2026-01-31T01:00:00+01:00", '{"x":1769817600000}'],
  [date(), "x=2026-02-31", "datetime_parsing query.x"],
  [required(text()), "y=1", "missing query.x"],
];

for (const [field, query, want] of queries) {
  test(`readQuery: ${query} -> ${want}`, () => {
    assert.equal(
      read(() => readQuery({ x: field }, new URLSearchParams(query))),
      want,
    );
  });
}

const bodies: [field: Field<unknown>, body: string, want: string][] = [
  [integer(), '{"x":"3"}', "int_type body.x"],
  [boolean(), '{"x":"true"}', "bool_type body.x"],
  [text(), '{"x":null}', "string_type body.x"],
  [nullable(text()), '{"x":null}', '{"x":null}'],
  [text({ max: 2 }), '{"x":"abc"}', "string_too_long body.x"],
  [text({ pattern: /^[\w.-]+$/ }), '{"x":"a b"}', "string_pattern_mismatch body.x"],
  [object(), '{"x":[]}', "dict_type body.x"],
  [list(text()), '{"x":"a"}', "list_type body.x"],
  [required(text()), '{"z":1}', "missing body.x, extra_forbidden body.z"],
  [text(), "[]", "model_attributes_type body"],
  [text(), '{"x":"a","__proto__":1}', "extra_forbidden body.__proto__"],
];

for (const [field, body, want] of bodies) {
  test(`readBody: ${body} -> ${want}`, () => {
    assert.equal(
      read(() => readBody({ x: field }, JSON.parse(body) as never)),
      want,
    );
  });
}
