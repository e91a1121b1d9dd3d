import assert from "node:assert/strict";
import { test } from "node:test";
import type { TriggerRule } from "#dag/model/model.ts";
import type { TaskState } from "#dag/model/states.ts";
import { readCases } from "#testing/case-table.ts";
import { countUpstream, judgeRule } from "./trigger-rules.ts";

interface Case {
  readonly rule: TriggerRule;
  /** States, with blanks between them; `none` for one that nothing was decided about. */
  readonly upstream: string;
  /** A digit for each: 1 for a setup task. */
  readonly setups?: string;
  readonly mapIndex?: number;
  readonly want: "run" | "wait" | "skipped" | "upstream_failed" | "removed";
}

const cases = readCases(
  new URL("./cases/trigger-rules.json", import.meta.url),
  250,
) as readonly Case[];

test("judgeRule: every rule decides as Airflow's", () => {
  const wrong = cases.flatMap((it) => {
    const instances = it.upstream.split(" ").map((state, at) => ({
      state: state === "none" ? null : (state as TaskState),
      setup: it.setups?.[at] === "1",
    }));
    const verdict = judgeRule(it.rule, countUpstream(instances), it.mapIndex ?? -1);
    const got = verdict.kind === "end" ? verdict.state : verdict.kind;
    return got === it.want ? [] : [{ ...it, got }];
  });
  assert.deepEqual(wrong, []);
});

test("judgeRule: nothing before a task, and 'always', let it run", () => {
  for (const rule of new Set(cases.map((it) => it.rule))) {
    assert.deepEqual(judgeRule(rule, countUpstream([]), -1), { kind: "run" }, rule);
  }
  const failed = countUpstream([{ state: null, setup: false }]);
  assert.deepEqual(judgeRule("always", failed, -1), { kind: "run" });
});
