import type { LimitRange, LimitRangeItem } from "#api/gen/types.ts";
import type { Draft } from "#api/rules/rules.ts";

type ResourceList = Record<string, string>;

/** Upstream: `SetDefaults_LimitRangeItem`: a limit follows the maximum, a request the limit. */
export function defaultLimitRange(range: Draft<LimitRange>): void {
  for (const it of range.spec?.limits ?? []) if (it.type === "Container") defaultItem(it);
}

function defaultItem(item: Draft<LimitRangeItem>): void {
  const limits = (item.default ??= {});
  const requests = (item.defaultRequest ??= {});
  fillIn(limits, item.max);
  fillIn(requests, limits);
  fillIn(requests, item.min);
}

function fillIn(list: ResourceList, from: ResourceList | undefined): void {
  for (const [name, amount] of Object.entries(from ?? {})) list[name] ??= amount;
}
