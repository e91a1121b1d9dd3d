import type { FlowSchema, PriorityLevelConfiguration } from "#api/gen/types.ts";
import type { Draft } from "#api/rules/rules.ts";

/** Upstream: `pkg/apis/flowcontrol/v1/defaults.go`. */

export function defaultFlowSchema(it: Draft<FlowSchema>): void {
  it.spec ??= {};
  it.spec.matchingPrecedence = orElse(it.spec.matchingPrecedence, 1000);
}

export function defaultPriorityLevel(it: Draft<PriorityLevelConfiguration>): void {
  const { exempt, limited } = (it.spec ??= {});
  if (exempt !== undefined) {
    exempt.nominalConcurrencyShares ??= 0;
    exempt.lendablePercent ??= 0;
  }
  if (limited === undefined) return;
  limited.nominalConcurrencyShares ??= 30;
  limited.lendablePercent ??= 0;
  const queuing = limited.limitResponse?.queuing;
  if (queuing === undefined) return;
  queuing.handSize = orElse(queuing.handSize, 8);
  queuing.queues = orElse(queuing.queues, 64);
  queuing.queueLengthLimit = orElse(queuing.queueLengthLimit, 50);
}

/** Zero counts as absent. */
function orElse(value: number | undefined, otherwise: number): number {
  return value === undefined || value === 0 ? otherwise : value;
}
