import assert from "node:assert/strict";
import { test } from "node:test";
import { judgeQueued, type QueuedTry, type QueuedVerdict } from "./plan.ts";

const limits = { awayMs: 2_000, queuedMs: 600_000 };
const fresh: QueuedTry = {
  waits: true,
  hasCome: false,
  awaySince: undefined,
  since: 0,
  adopted: false,
};

const cases: readonly [string, Partial<QueuedTry>, now: number, want: QueuedVerdict][] = [
  ["waits in the queue", {}, 60_000, "wait"],
  ["waits where nobody takes", {}, 600_001, "no-worker"],
  ["was taken just now", { waits: false }, 5_000, "wait"],
  ["was taken by one that never came", { waits: false }, 8_001, "requeue"],
  ["runs", { waits: false, hasCome: true }, 9_000_000, "wait"],
  ["its worker is away", { waits: false, hasCome: true, awaySince: 1_000 }, 3_000, "wait"],
  ["its worker is lost", { waits: false, hasCome: true, awaySince: 1_000 }, 3_001, "worker-lost"],
  ["was taken over, its worker comes", { waits: false, adopted: true }, 12_000, "wait"],
  ["was taken over, nobody has it", { waits: false, adopted: true }, 12_001, "lost"],
  ["was taken over in the queue", { adopted: true }, 60_000, "wait"],
];

for (const [what, given, now, want] of cases) {
  test(`judgeQueued: ${what}`, () => {
    assert.equal(judgeQueued({ ...fresh, ...given }, now, limits), want);
  });
}
