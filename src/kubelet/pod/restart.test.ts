import assert from "node:assert/strict";
import { test } from "node:test";
import type { Container } from "#api/gen/types.ts";
import { exited } from "#testing/pod-fixtures.ts";
import { restartDelay, shouldRestart } from "./restart.ts";

const rules = [{ action: "Restart", exitCodes: { operator: "In", values: [42] } }];
const policies: [own: Partial<Container>, pod: string | undefined, code: number, want: boolean][] =
  [
    [{}, undefined, 0, true],
    [{}, "Always", 0, true],
    [{}, "OnFailure", 0, false],
    [{}, "OnFailure", 1, true],
    [{}, "Never", 1, false],
    [{ restartPolicy: "Always" }, "Never", 0, true],
    [{ restartPolicy: "Never" }, "Always", 1, false],
    [{ restartPolicy: "OnFailure" }, "Always", 0, false],
    [{ restartPolicy: "Never", restartPolicyRules: rules }, "Never", 42, true],
    [{ restartPolicy: "Never", restartPolicyRules: rules }, "Never", 41, false],
  ];

for (const [own, pod, code, want] of policies) {
  test(`shouldRestart: ${JSON.stringify(own)} in ${pod ?? "-"} after ${code} -> ${want}`, () => {
    assert.equal(shouldRestart({ name: "app", ...own }, pod, code), want);
  });
}

const delays: [backoffMs: number, ranMs: number, waitMs: number, nextMs: number][] = [
  [0, 1_000, 0, 10_000],
  [10_000, 1_000, 10_000, 20_000],
  [20_000, 1_000, 20_000, 40_000],
  [160_000, 1_000, 160_000, 300_000],
  [300_000, 1_000, 300_000, 300_000],
  [300_000, 600_000, 0, 10_000],
];

for (const [backoffMs, ranMs, waitMs, nextBackoffMs] of delays) {
  test(`restartDelay: left ${backoffMs} ms, ran ${ranMs} ms -> wait ${waitMs} ms`, () => {
    const last = exited("app", { ranMs, backoffMs });
    assert.deepEqual(restartDelay(last), { waitMs, nextBackoffMs });
  });
}
