import assert from "node:assert/strict";
import { test } from "node:test";
import { formatScope, parseScopes } from "./scope.ts";

const cases: [scope: string, want: readonly string[]][] = [
  ["repository:team/app:pull,push", ["repository:team/app:pull,push"]],
  ["repository:a:pull repository:b:push", ["repository:a:pull", "repository:b:push"]],
  ["repository:a:*", ["repository:a:pull,push,delete"]],
  ["repository:a:pull,pull,fly", ["repository:a:pull"]],
  ["repository:../a:pull", []],
  ["registry:catalog:*", []],
  ["repository:a:", []],
  ["", []],
];

for (const [scope, want] of cases) {
  test(`parseScopes: '${scope}'`, () => {
    assert.deepEqual(parseScopes([scope]).map(formatScope), want);
  });
}
