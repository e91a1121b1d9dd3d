import assert from "node:assert/strict";
import { test } from "node:test";
import { parseStatus, type ExitStatus } from "./remote-command.ts";

const cases: [text: string, want: ExitStatus][] = [
  ['{"status":"Success"}', { kind: "exit", code: 0 }],
  [
    '{"status":"Failure","reason":"NonZeroExitCode","details":{"causes":[{"reason":"ExitCode","message":"3"}]}}',
    { kind: "exit", code: 3 },
  ],
  [
    '{"status":"Failure","reason":"InternalError","message":"no such file"}',
    { kind: "failed", message: "no such file" },
  ],
];

for (const [text, want] of cases) {
  test(`parseStatus: ${JSON.stringify(want)}`, () => {
    assert.deepEqual(parseStatus(text), want);
  });
}
