import assert from "node:assert/strict";
import { test } from "node:test";
import { RuntimeError } from "#cri/runtime.ts";
import { type Subject, toRuntimeError } from "./errors.ts";

const cases: [code: number, details: string, subject: Subject, want: string][] = [
  [5, 'failed to resolve image "x": not found', "container", "image-not-found"],
  [5, 'failed to find sandbox id "a": not found', "container", "not-found"],
  [5, "docker.io/library/x:y: not found", "image", "image-not-found"],
  [4, "timeout 1s exceeded", "container", "timeout"],
  [14, "No connection established", "runtime", "unavailable"],
  [2, 'name "a_b_c_0" is reserved for "1234"', "sandbox", "name-reserved"],
  [2, "runc create failed", "sandbox", "other"],
];

for (const [code, details, subject, want] of cases) {
  test(`toRuntimeError: ${code} ${details} (${subject}) -> ${want}`, () => {
    const error = toRuntimeError(
      "do it",
      subject,
      Object.assign(new Error("x"), { code, details }),
    );
    assert.ok(error instanceof RuntimeError);
    assert.equal(error.kind, want);
    assert.equal(error.message, `do it: ${details}`);
  });
}

test("toRuntimeError: what is no gRPC failure passes through", () => {
  const reason = new Error("shutting down");
  assert.equal(toRuntimeError("do it", "image", reason), reason);
});
