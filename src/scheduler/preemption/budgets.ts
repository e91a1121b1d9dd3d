import type { PodDisruptionBudget } from "#api/gen/types.ts";
import type { JsonObject } from "#api/object.ts";
import { labelSelectorOf, matchesLabels } from "#api/selector/label.ts";
import type { Labels } from "#api/selector/label.ts";

/** A pod as budgets see it. */
export interface BudgetedPod {
  readonly namespace: string;
  readonly name: string;
  readonly labels: Labels;
}

/**
 * Parts pods into those whose disruption a budget no longer allows and the others. Both keep the
 * order in which they came; each pod uses up what its budgets have left for the ones behind it.
 * Upstream: `defaultpreemption` filterPodsWithPDBViolation.
 */
export function splitByBudgets<T extends BudgetedPod>(
  pods: readonly T[],
  budgets: readonly PodDisruptionBudget[],
): { readonly violating: readonly T[]; readonly others: readonly T[] } {
  if (budgets.length === 0) return { violating: [], others: pods };
  const left = budgets.map((it) => ({
    budget: it,
    selector: labelSelectorOf(it.spec?.selector as JsonObject | undefined),
    allowed: it.status?.disruptionsAllowed ?? 0,
  }));
  const violating: T[] = [];
  const others: T[] = [];
  for (const pod of pods) {
    let isViolated = false;
    for (const it of left) {
      if (it.budget.metadata?.namespace !== pod.namespace) continue;
      // An empty selector selects nothing here, and a pod without labels is in no budget.
      if (it.selector.requirements.length === 0 || Object.keys(pod.labels).length === 0) continue;
      if (!matchesLabels(it.selector, pod.labels)) continue;
      // Its eviction was granted and counted before.
      if (it.budget.status?.disruptedPods?.[pod.name] !== undefined) continue;
      it.allowed -= 1;
      if (it.allowed < 0) isViolated = true;
    }
    (isViolated ? violating : others).push(pod);
  }
  return { violating, others };
}
