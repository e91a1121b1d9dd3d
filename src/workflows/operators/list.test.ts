import assert from "node:assert/strict";
import { test } from "node:test";
import { operatorForms } from "#dag/configuration/operators.ts";
import { operators } from "./list.ts";

test("operators: a configuration file names only those that workers can run", () => {
  const unknown = Object.keys(operatorForms).filter((it) => !operators.has(it));
  assert.deepEqual(unknown, []);
});
