import assert from "node:assert/strict";
import { test } from "node:test";
import { schedulerSilenceMs, Silence } from "./silence.ts";

function job(id: string, seenAt: number): Parameters<Silence["observe"]>[0][number] {
  return { id, seenAt, host: "h", pid: 1, startedAt: 0 };
}

test("Silence: who says nothing new for too long, whatever the clocks of hosts say", () => {
  const silence = new Silence();
  const names = (now: number, ...jobs: readonly ReturnType<typeof job>[]): string =>
    silence
      .observe(jobs, now)
      .map((it) => it.id)
      .join(" ");
  // Signs of life hours ahead and behind: the first look says nothing about either.
  assert.equal(names(0, job("ahead", 9_000_000), job("behind", 5)), "");
  assert.equal(names(6_000, job("ahead", 9_002_000), job("behind", 5)), "");
  assert.equal(names(9_000, job("ahead", 9_002_000), job("behind", 5)), "behind");
  assert.equal(names(10_000, job("ahead", 9_002_000), job("behind", 4)), "", "a clock set back");
  silence.reset();
  assert.equal(names(10_000 + 2 * schedulerSilenceMs, job("ahead", 9_002_000)), "");
});
