import assert from "node:assert/strict";
import { test } from "node:test";
import type { DeadlineReference } from "#dag/model/model.ts";
import { deadlineTime } from "./deadline.ts";

test("deadlineTime: counted from each of the references", () => {
  const facts = { logicalDate: 1_000, queuedAt: 5_000, runtimes: [10, 20, 60] };
  const table: readonly (readonly [DeadlineReference, number | undefined])[] = [
    [{ kind: "logical_date" }, 1_100],
    [{ kind: "queued_at" }, 5_100],
    [{ kind: "fixed", at: 9_000 }, 9_100],
    [{ kind: "average_runtime", maxRuns: 10, minRuns: 3 }, 5_130],
    [{ kind: "average_runtime", maxRuns: 2, minRuns: 1 }, 5_115],
    [{ kind: "average_runtime", maxRuns: 10, minRuns: 4 }, undefined],
  ];
  for (const [reference, want] of table) {
    assert.equal(deadlineTime({ reference, intervalMs: 100 }, facts), want, reference.kind);
  }
});
