import assert from "node:assert/strict";
import { test } from "node:test";
import { containerUser, userAnnotations } from "./user.ts";

for (const [text, want] of [
  [undefined, {}],
  ["", {}],
  ["1000", { runAsUser: 1000 }],
  ["1000:50", { runAsUser: 1000, runAsGroup: 50 }],
  ["root", { runAsUser: 0 }],
  ["root:", { runAsUser: 0 }],
  ["web", { named: "web" }],
  ["web:mail", { named: "web:mail" }],
  ["1000:mail", { named: "1000:mail" }],
  ["web:8", { named: "web:8" }],
] as const) {
  test(`containerUser: ${text ?? "nothing"} -> ${JSON.stringify(want)}`, () => {
    assert.deepEqual(containerUser(text), want);
  });
}

test("userAnnotations: of names only", () => {
  assert.deepEqual(userAnnotations("app", { named: "web" }), { "user.gantry.dev/app": "web" });
  assert.deepEqual(userAnnotations("app", { runAsUser: 1 }), {});
});
