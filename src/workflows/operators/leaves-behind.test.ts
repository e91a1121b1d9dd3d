import assert from "node:assert/strict";
import { test } from "node:test";
import { leavesBehind } from "./leaves-behind.ts";
import { operators } from "./list.ts";

test("leavesBehind: the operators that can end what they have left", () => {
  const able = [...operators].filter(([, it]) => it.kill !== undefined).map(([name]) => name);
  assert.deepEqual(able.toSorted(), [...leavesBehind.keys()].toSorted());
});
