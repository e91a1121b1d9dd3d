import type { LimitRange, ResourceQuota } from "#api/gen/types.ts";
import {
  ageColumn,
  ageOf,
  column,
  createdAtPrinter,
  nameColumn,
  nameOf,
} from "#api/rules/columns.ts";
import type { Loose, Rules } from "#api/rules/rules.ts";
import { defaultLimitRange } from "./defaults.ts";
import {
  validateLimitRange,
  validateResourceQuota,
  validateResourceQuotaStatus,
  validateResourceQuotaUpdate,
} from "./validation.ts";

export const limitRangeRules: Rules<LimitRange> = {
  default: defaultLimitRange,
  validate: validateLimitRange,
  printer: createdAtPrinter,
  allowCreateOnUpdate: true,
};

export const resourceQuotaRules: Rules<ResourceQuota> = {
  validate: validateResourceQuota,
  validateUpdate: validateResourceQuotaUpdate,
  validateStatus: validateResourceQuotaStatus,
  printer: {
    columns: [
      nameColumn,
      column("Request", "What is used of each amount, and the most of it."),
      column("Limit", "The same for limits."),
      ageColumn,
    ],
    cells: (it, nowMs) => [nameOf(it), usageOf(it, false), usageOf(it, true), ageOf(it, nowMs)],
  },
};

function usageOf(quota: Loose<ResourceQuota>, ofLimits: boolean): string {
  const { hard = {}, used = {} } = quota.status ?? {};
  const names = Object.keys(hard).filter((it) => it.startsWith("limits.") === ofLimits);
  return names
    .sort()
    .map((it) => `${it}: ${used[it] ?? "0"}/${hard[it] ?? "0"}`)
    .join(", ");
}
