import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "#api/object.ts";
import { reconciled, replaced } from "./plan.ts";
import { bindingObject, roleObject } from "./rows.ts";

function role(...rules: string[]): JsonObject {
  return roleObject({ name: "r", rules });
}

const bare: JsonObject = { ...role("get core pods"), metadata: { name: "r" } };

const cases: [title: string, existing: JsonObject, wanted: JsonObject, want: string[]][] = [
  ["the same", role("get core pods"), role("get core pods"), []],
  ["more rights than needed", role("* * *"), role("get core pods"), []],
  ["missing rights", role("get core pods"), role("get,list core pods"), ["rules"]],
  ["missing labels", bare, role("get core pods"), ["metadata"]],
  [
    "missing subject",
    bindingObject({ name: "b", role: "r", subjects: ["User a"] }),
    bindingObject({ name: "b", role: "r", subjects: ["User b"] }),
    ["subjects"],
  ],
  [
    "missing selector",
    roleObject({ name: "r", rules: [], aggregates: ["a"] }),
    roleObject({ name: "r", rules: [], aggregates: ["a", "b"] }),
    ["aggregationRule"],
  ],
];

for (const [title, existing, wanted, want] of cases) {
  test(`reconciled: ${title} -> [${want.join(", ")}]`, () => {
    const got = reconciled(existing, wanted);
    const changed = Object.keys(got ?? {}).filter((key) => got?.[key] !== existing[key]);
    assert.deepEqual(changed, want);
    if (got !== undefined) assert.equal(reconciled(got, wanted), undefined, "asked again");
  });
}

test("replaced: compares what is wanted and keeps the rest", () => {
  const existing = { spec: { a: 1, extra: true }, status: { x: 1 } };
  assert.equal(replaced(existing, { spec: { a: 1 } }, ["spec"]), undefined);
  assert.deepEqual(replaced(existing, { spec: { a: 2 } }, ["spec"]), {
    spec: { a: 2, extra: true },
    status: { x: 1 },
  });
  assert.deepEqual(replaced({ list: [1, 2] }, { list: [1] }, ["list"]), { list: [1] });
});
