import type { Job, Pod } from "#api/gen/types.ts";
import { endTime, hasFailed, hasSucceeded } from "./job-pods.ts";

const firstMs = 10_000;
const lastMs = 10 * 60_000;

/**
 * How long no pod is made after failures: 10 seconds doubled by every failure since the last
 * success, at most 10 minutes. 0 when one may be made. Upstream: `pkg/controller/job/backoff_utils.go`.
 */
export function backoffMs(job: Job, pods: readonly Pod[], now: number): number {
  const successes = pods.filter(hasSucceeded).map((it) => endTime(it) ?? 0);
  const lastSuccess = Math.max(0, ...successes);
  const failures = pods
    .filter((it) => hasFailed(it, job))
    .map((it) => endTime(it) ?? now)
    .filter((it) => it > lastSuccess);
  if (failures.length === 0) return 0;
  return remainingMs(failures.length, Math.max(...failures), now);
}

/** The same for one index, which has failed so many times, last at that time. */
export function remainingMs(failures: number, lastFailure: number, now: number): number {
  const delayMs = Math.min(firstMs * 2 ** (failures - 1), lastMs);
  return Math.max(0, lastFailure + delayMs - now);
}
