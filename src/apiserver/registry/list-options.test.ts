import assert from "node:assert/strict";
import { test } from "node:test";
import { StatusError } from "#api/status.ts";
import { checkListOptions, parseListOptions, parseRevision } from "./list-options.ts";

const cases: [verb: "list" | "watch", query: string, want: string][] = [
  ["list", "", ""],
  ["list", "resourceVersion=5&resourceVersionMatch=Exact", ""],
  ["list", "resourceVersionMatch=Exact", "resourceVersionMatch"],
  ["list", "resourceVersion=0&resourceVersionMatch=Exact", "resourceVersionMatch"],
  ["list", "resourceVersion=1&resourceVersionMatch=Foo", "resourceVersionMatch"],
  ["list", "continue=x&resourceVersion=1&resourceVersionMatch=Exact", "resourceVersionMatch"],
  ["list", "sendInitialEvents=false", "sendInitialEvents"],
  ["watch", "resourceVersion=7", ""],
  ["watch", "sendInitialEvents=true&resourceVersionMatch=NotOlderThan", ""],
  ["watch", "sendInitialEvents=true", "resourceVersionMatch"],
  ["watch", "resourceVersionMatch=NotOlderThan", "resourceVersionMatch"],
  [
    "watch",
    "sendInitialEvents=true&resourceVersionMatch=Exact",
    "resourceVersionMatch,resourceVersionMatch",
  ],
];

for (const [verb, query, want] of cases) {
  test(`checkListOptions: ${verb} ?${query} -> [${want}]`, () => {
    let got = "";
    try {
      checkListOptions(parseListOptions(new URLSearchParams(query)), verb === "watch");
    } catch (error) {
      assert.ok(error instanceof StatusError && error.code === 422);
      got = (error.details?.causes ?? []).map((it) => it.field).join(",");
    }
    assert.equal(got, want);
  });
}

test("parseListOptions: a limit that is no number is a 400", () => {
  assert.throws(() => parseListOptions(new URLSearchParams("limit=a")), { code: 400 });
});

test("parseRevision: text, negative and huge numbers are a 400; absent is undefined", () => {
  for (const text of ["a", "-1", "1.5", "99999999999999999999"]) {
    assert.throws(() => parseRevision(text), { code: 400 });
  }
  assert.equal(parseRevision(""), undefined);
  assert.equal(parseRevision("12"), 12);
});
