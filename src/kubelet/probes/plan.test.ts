import assert from "node:assert/strict";
import { test } from "node:test";
import type { Probe } from "#api/gen/types.ts";
import { initialState, nextState, probeTimes, type ProbeType } from "./plan.ts";

// Answers as they come, `+` or `-`; wanted: the result after each, `!` where probing ends.
const cases: [type: ProbeType, probe: Probe, answers: string, want: string][] = [
  ["readiness", {}, "+---+", "+ + + - +"],
  ["readiness", { successThreshold: 2 }, "+++", "- + +"],
  ["readiness", { successThreshold: 2, failureThreshold: 2 }, "++-+--", "- + + + + -"],
  ["liveness", { failureThreshold: 2 }, "+-+--", "+ + + + -!"],
  ["liveness", { failureThreshold: 1 }, "-", "-!"],
  ["startup", { failureThreshold: 3 }, "--+", "? ? +!"],
  ["startup", { failureThreshold: 3 }, "---", "? ? -!"],
];

for (const [type, probe, answers, want] of cases) {
  test(`nextState: ${type} ${JSON.stringify(probe)} ${answers} -> ${want}`, () => {
    let state = initialState(type);
    const got = Array.from(answers).map((it) => {
      state = nextState(type, probe, state, it === "+" ? "success" : "failure");
      const sign = { success: "+", failure: "-", unknown: "?" }[state.result];
      return `${sign}${state.isOver ? "!" : ""}`;
    });
    assert.equal(got.join(" "), want);
  });
}

test("probeTimes: the API's defaults, and never a loop without a pause", () => {
  assert.deepEqual(probeTimes({}), { initialDelayMs: 0, periodMs: 10_000, timeoutMs: 1_000 });
  assert.equal(probeTimes({ periodSeconds: 0 }).periodMs, 1_000);
});
