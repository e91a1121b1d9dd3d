import assert from "node:assert/strict";
import { test } from "node:test";
import type { Action } from "#registry/access.ts";
import { isGranted, parseGrants } from "./grants.ts";

const cases: [grants: string, action: Action, repository: string, granted: boolean][] = [
  ["", "delete", "a", true],
  ["pull", "pull", "a/b", true],
  ["pull", "push", "a/b", false],
  ["push", "pull", "a", true],
  ["push", "delete", "a", false],
  ["push@team/*", "push", "team/app", true],
  ["push@team/*", "push", "teams/app", false],
  ["push@team/*", "push", "team", false],
  ["push@team/*", "pull", "*", false],
  ["pull", "pull", "*", true],
  ["pull,push@team/app", "push", "team/app", true],
  ["pull,push@team/app", "push", "team/app2", false],
  ["*@team/*", "delete", "team/app", true],
];

for (const [grants, action, repository, granted] of cases) {
  test(`isGranted: '${grants}' ${granted ? "allows" : "refuses"} ${action} ${repository}`, () => {
    assert.equal(isGranted(parseGrants(grants), action, repository), granted);
  });
}

test("parseGrants: words that are none are refused", () => {
  assert.throws(() => parseGrants("write"), /none of pull/);
  assert.throws(() => parseGrants("pull@"), /names no repositories/);
  assert.throws(() => parseGrants("pull@a*b"), /names no repositories/);
});
