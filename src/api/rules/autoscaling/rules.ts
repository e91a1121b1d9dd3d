import type { HorizontalPodAutoscaler, HorizontalPodAutoscalerV2 } from "#api/gen/types.ts";
import type { Resource } from "#api/resource.ts";
import { compose } from "#api/rules/compose.ts";
import type { Rules } from "#api/rules/rules.ts";
import type { Strategy } from "#api/strategy.ts";
import { autoscalerPrinter } from "./columns.ts";
import { toAutoscalerV2 } from "./conversion.ts";
import { defaultAutoscaler, defaultOldAutoscaler } from "./defaults.ts";
import { validateAutoscaler, validateAutoscalerStatus } from "./validation.ts";

export const autoscalerRules: Rules<HorizontalPodAutoscalerV2> = {
  default: defaultAutoscaler,
  validate: validateAutoscaler,
  validateStatus: validateAutoscalerStatus,
  printer: autoscalerPrinter,
};

const oldRules: Rules<HorizontalPodAutoscaler> = { default: defaultOldAutoscaler };

/** Autoscalers of `autoscaling/v1`: checked and shown in the shape of v2. */
export function oldAutoscalerStrategy(resource: Resource): Strategy {
  const old = compose(resource, oldRules);
  const current = compose(resource, autoscalerRules);
  return {
    ...old,
    validate: (it) => current.validate(toAutoscalerV2(it)),
    validateStatusUpdate: (next, previous) =>
      current.validateStatusUpdate(toAutoscalerV2(next), previous),
    columns: current.columns,
    cells: (it, nowMs) => current.cells(toAutoscalerV2(it), nowMs),
  };
}
