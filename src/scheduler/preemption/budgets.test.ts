import assert from "node:assert/strict";
import { test } from "node:test";
import type { PodDisruptionBudget } from "#api/gen/types.ts";
import { splitByBudgets, type BudgetedPod } from "./budgets.ts";

function pod(name: string, labels: Record<string, string> = { app: "web" }): BudgetedPod {
  return { namespace: "default", name, labels };
}

function budget(
  disruptionsAllowed: number,
  over: { namespace?: string; matchLabels?: Record<string, string>; disrupted?: string } = {},
): PodDisruptionBudget {
  const { namespace = "default", matchLabels = { app: "web" }, disrupted } = over;
  const disruptedPods = disrupted === undefined ? {} : { [disrupted]: "2026-01-01T00:00:00Z" };
  const counts = { currentHealthy: 0, desiredHealthy: 0, expectedPods: 0 };
  return {
    metadata: { name: "b", namespace },
    spec: { selector: { matchLabels } },
    status: { disruptionsAllowed, disruptedPods, ...counts },
  };
}

const three = [pod("a"), pod("b"), pod("c")];

const cases: readonly {
  readonly name: string;
  readonly pods: readonly BudgetedPod[];
  readonly budgets: readonly PodDisruptionBudget[];
  readonly violating: string;
}[] = [
  { name: "no budgets", pods: three, budgets: [], violating: "" },
  { name: "a budget that allows two", pods: three, budgets: [budget(2)], violating: "c" },
  { name: "a budget that allows none", pods: three, budgets: [budget(0)], violating: "a b c" },
  {
    name: "a budget of another namespace",
    pods: three,
    budgets: [budget(0, { namespace: "other" })],
    violating: "",
  },
  {
    name: "a budget for other pods",
    pods: [pod("a", { app: "db" }), pod("b")],
    budgets: [budget(0)],
    violating: "b",
  },
  { name: "a pod without labels", pods: [pod("a", {})], budgets: [budget(0)], violating: "" },
  {
    name: "an empty selector selects nothing",
    pods: three,
    budgets: [budget(0, { matchLabels: {} })],
    violating: "",
  },
  {
    name: "an eviction that was granted counts no more",
    pods: three,
    budgets: [budget(1, { disrupted: "a" })],
    violating: "c",
  },
  {
    name: "one of two budgets is enough",
    pods: three,
    budgets: [budget(5), budget(1)],
    violating: "b c",
  },
];

for (const { name, pods, budgets, violating } of cases) {
  test(`splitByBudgets: ${name}`, () => {
    const split = splitByBudgets(pods, budgets);
    assert.equal(split.violating.map((it) => it.name).join(" "), violating);
    const others = pods.filter((it) => !split.violating.includes(it));
    assert.deepEqual(split.others, others);
  });
}
