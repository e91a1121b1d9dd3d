import type { TaskState } from "#dag/model/states.ts";
import type { TriggerRule } from "#dag/model/model.ts";

/** How the task instances directly before a task stand. */
export interface UpstreamCounts {
  /** All of them, finished or not. */
  readonly upstream: number;
  readonly success: number;
  readonly skipped: number;
  readonly failed: number;
  readonly upstreamFailed: number;
  readonly removed: number;
  /** How many are setup tasks, and how those ended. */
  readonly setup: number;
  readonly successSetup: number;
  readonly skippedSetup: number;
}

export type Verdict =
  | { readonly kind: "run" }
  | { readonly kind: "wait"; readonly reason: string }
  /** The rule can never be met. */
  | { readonly kind: "end"; readonly state: "skipped" | "upstream_failed" | "removed" };

const run: Verdict = { kind: "run" };
const skip: Verdict = { kind: "end", state: "skipped" };
const fail: Verdict = { kind: "end", state: "upstream_failed" };

function wait(reason: string): Verdict {
  return { kind: "wait", reason };
}

/**
 * Whether a task may run by its trigger rule, must wait, or can never run. As Airflow's
 * `TriggerRuleDep` with `flag_upstream_failed`. @param mapIndex -1 for a task that is not mapped.
 */
export function judgeRule(rule: TriggerRule, counts: UpstreamCounts, mapIndex: number): Verdict {
  if (counts.upstream === 0) return run;
  return rules[rule](counts, mapIndex);
}

type Rule = (counts: UpstreamCounts, mapIndex: number) => Verdict;

function doneOf(it: UpstreamCounts): number {
  return it.success + it.skipped + it.failed + it.upstreamFailed + it.removed;
}

/** An instance of a mapped task does without upstream instances that were removed. */
function missing(count: number, it: UpstreamCounts, mapIndex: number): number {
  return mapIndex > -1 ? count - it.removed : count;
}

function waitFor(count: number, what: string): Verdict {
  return count > 0 ? wait(`waits for ${count} ${what}`) : run;
}

const rules: Readonly<Record<TriggerRule, Rule>> = {
  always: () => run,
  all_success(it, mapIndex) {
    if (it.upstreamFailed + it.failed > 0) return fail;
    if (it.skipped > 0) return skip;
    if (it.removed > 0 && it.success > 0 && mapIndex > -1 && mapIndex >= it.success) {
      return { kind: "end", state: "removed" };
    }
    return waitFor(missing(it.upstream - it.success, it, mapIndex), "upstream to succeed");
  },
  all_failed(it, mapIndex) {
    if (it.success + it.skipped > 0) return skip;
    const left = it.upstream - it.failed - it.upstreamFailed;
    return waitFor(missing(left, it, mapIndex), "upstream to fail");
  },
  all_done: (it) => waitFor(it.upstream - doneOf(it), "upstream to finish"),
  one_success(it) {
    if (it.success > 0) return run;
    const done = doneOf(it);
    if (done < it.upstream) return wait("waits for one upstream to succeed");
    return done === it.skipped ? skip : fail;
  },
  one_failed(it) {
    if (it.failed + it.upstreamFailed > 0) return run;
    return doneOf(it) < it.upstream ? wait("waits for one upstream to fail") : skip;
  },
  one_done(it) {
    if (it.failed + it.success > 0) return run;
    return doneOf(it) < it.upstream ? wait("waits for one upstream to finish") : skip;
  },
  none_failed(it, mapIndex) {
    if (it.upstreamFailed + it.failed > 0) return fail;
    return waitFor(missing(it.upstream - it.success - it.skipped, it, mapIndex), "upstream");
  },
  none_failed_min_one_success(it, mapIndex) {
    if (it.upstreamFailed + it.failed > 0) return fail;
    if (it.skipped === it.upstream) return skip;
    return waitFor(missing(it.upstream - it.success - it.skipped, it, mapIndex), "upstream");
  },
  none_skipped(it) {
    if (it.skipped > 0) return skip;
    return waitFor(it.upstream - doneOf(it), "upstream to finish");
  },
  all_skipped(it) {
    if (it.success + it.failed + it.upstreamFailed > 0) return skip;
    return waitFor(it.upstream - it.skipped, "upstream to be skipped");
  },
  all_done_min_one_success(it, mapIndex) {
    if (it.skipped > 0) return skip;
    const done = it.success + it.failed + it.upstreamFailed + it.removed;
    if (done >= it.upstream && it.success === 0) return fail;
    const left = missing(it.upstream, it, mapIndex) - missing(done, it, mapIndex);
    if (left > 0) return wait(`waits for ${left} upstream to finish`);
    return it.success === 0 ? wait("waits for one upstream to succeed") : run;
  },
  all_done_setup_success(it) {
    const left = it.upstream - doneOf(it);
    if (left > 0) return wait(`waits for ${left} upstream to finish`);
    if (it.setup > 0 && it.skippedSetup >= it.setup) return skip;
    return it.setup > 0 && it.successSetup === 0 ? fail : run;
  },
};

export interface UpstreamInstance {
  readonly state: TaskState | null;
  readonly setup: boolean;
}

/** Counts the instances before a task. */
export function countUpstream(instances: Iterable<UpstreamInstance>): UpstreamCounts {
  const counts = {
    upstream: 0,
    success: 0,
    skipped: 0,
    failed: 0,
    upstreamFailed: 0,
    removed: 0,
    setup: 0,
    successSetup: 0,
    skippedSetup: 0,
  };
  for (const { state, setup } of instances) {
    counts.upstream += 1;
    if (setup) counts.setup += 1;
    if (state === "success") {
      counts.success += 1;
      if (setup) counts.successSetup += 1;
    } else if (state === "skipped") {
      counts.skipped += 1;
      if (setup) counts.skippedSetup += 1;
    } else if (state === "failed") counts.failed += 1;
    else if (state === "upstream_failed") counts.upstreamFailed += 1;
    else if (state === "removed") counts.removed += 1;
  }
  return counts;
}
