import assert from "node:assert/strict";
import { test } from "node:test";
import { readCases } from "#testing/case-table.ts";
import { retryDelayMs } from "./retry.ts";

/** In seconds. */
interface Case {
  readonly delay: number;
  readonly max?: number;
  readonly backoff: boolean;
  readonly try: number;
  readonly want: readonly [least: number, most: number];
}

test("retryDelayMs: between the least and the most that Airflow waits", () => {
  for (const it of readCases(
    new URL("./cases/retry-delays.json", import.meta.url),
    150,
  ) as readonly Case[]) {
    const task = {
      retryDelayMs: it.delay * 1_000,
      retryExponentialBackoff: it.backoff,
      maxRetryDelayMs: it.max === undefined ? undefined : it.max * 1_000,
    };
    const [least, most] = it.want;
    for (const key of ["a", "b", "c"]) {
      const seconds = retryDelayMs(task, key, it.try) / 1_000;
      assert.ok(least <= seconds && seconds <= most, `${JSON.stringify(it)}: ${seconds}`);
    }
    assert.equal(retryDelayMs(task, "a", it.try), retryDelayMs(task, "a", it.try));
  }
});
