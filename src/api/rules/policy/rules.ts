import type { PodDisruptionBudget } from "#api/gen/types.ts";
import { checkAtMostAll, checkIntOrPercent } from "#api/rules/apps/int-or-percent.ts";
import { checkCounts } from "#api/rules/apps/template.ts";
import { ageColumn, ageOf, column, nameColumn, nameOf, typedColumn } from "#api/rules/columns.ts";
import type { Faults } from "#api/rules/faults.ts";
import { checkSelector } from "#api/rules/labels/validation.ts";
import type { Loose, Rules } from "#api/rules/rules.ts";

export const podDisruptionBudgetRules: Rules<PodDisruptionBudget> = {
  generation: true,
  allowUnconditionalUpdate: false,
  validate: checkBudget,
  validateStatus: (next, _previous, at) => {
    at.enter("status");
    checkCounts(
      next.status ?? {},
      ["disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods"],
      at,
    );
    at.leave();
  },
  printer: {
    columns: [
      nameColumn,
      column("Min Available", "The minimum number of pods that must be available."),
      column("Max Unavailable", "The maximum number of pods that may be unavailable."),
      typedColumn("Allowed Disruptions", "integer", "How many pods may be disrupted now."),
      ageColumn,
    ],
    cells: (it, nowMs) => [
      nameOf(it),
      String(it.spec?.minAvailable ?? "N/A"),
      String(it.spec?.maxUnavailable ?? "N/A"),
      it.status?.disruptionsAllowed ?? 0,
      ageOf(it, nowMs),
    ],
  },
};

/** Upstream: `ValidatePodDisruptionBudgetSpec`. */
function checkBudget(budget: Loose<PodDisruptionBudget>, at: Faults): void {
  const spec = budget.spec ?? {};
  at.enter("spec");
  if (spec.minAvailable !== undefined && spec.maxUnavailable !== undefined) {
    at.invalid("", spec, "minAvailable and maxUnavailable cannot be both set");
  }
  for (const field of ["minAvailable", "maxUnavailable"] as const) {
    checkIntOrPercent(field, spec[field], at);
    checkAtMostAll(field, spec[field], at);
  }
  checkSelector("selector", spec.selector, at);
  const policy = spec.unhealthyPodEvictionPolicy;
  at.optionalOneOf("unhealthyPodEvictionPolicy", policy, ["AlwaysAllow", "IfHealthyBudget"]);
  at.leave();
}
