import type { ResourceQuota, ResourceQuotaStatus } from "#api/gen/types.ts";
import type { KubernetesObject } from "#api/object.ts";
import { amountsIn, areEqual, listOf, zero, type ResourceList } from "#api/quota/amounts.ts";
import type { Measure } from "#api/quota/measure.ts";
import { isInScope, scopesOf } from "#api/quota/measures.ts";

/** What a namespace holds of one kind. */
export interface Content {
  readonly measure: Measure;
  readonly objects: readonly KubernetesObject[];
}

/**
 * The status of a quota as it ought to be; undefined when it is so. `contents` has every kind that
 * the quota counts; of what no kind is known for, the status keeps what it says. Upstream:
 * `syncResourceQuota`.
 */
export function planQuota(
  quota: ResourceQuota,
  contents: readonly Content[],
  nowMs: number,
): ResourceQuotaStatus | undefined {
  const hard = quota.spec?.hard ?? {};
  const before = quota.status?.used;
  const used: Record<string, string> = {};
  for (const name of Object.keys(hard)) {
    const known = before?.[name];
    if (known !== undefined) used[name] = known;
  }
  for (const content of contents) Object.assign(used, usageOf(quota, content, nowMs));
  const isSame =
    before !== undefined && isSettled(quota) && areEqual(amountsIn(used), amountsIn(before));
  return isSame ? undefined : { hard: { ...hard }, used };
}

/** True when the status is about what the spec says. */
export function isSettled({ spec, status }: ResourceQuota): boolean {
  if (status?.hard === undefined) return false;
  return areEqual(amountsIn(spec?.hard), amountsIn(status.hard));
}

/** True where a quota counts something of a kind. */
export function isCounted(quota: ResourceQuota, measure: Measure): boolean {
  return Object.keys(quota.spec?.hard ?? {}).some((it) => measure.counts(it));
}

/** Unchanged for so long, a quota has no charge on its way of which the object is not here yet. */
const quietMs = 200;
/** A quota is counted after so long at the latest, however much is going on. */
const quietWaitMs = 10_000;

/**
 * How long to wait before a quota is counted again: an object that was charged a moment ago may not
 * have been seen yet, and what it takes would be given to another. It also keeps the counting of
 * much that goes at once rare.
 */
export function waitBeforeCounting(
  changedMs: number | undefined,
  waitingMs: number,
  nowMs: number,
): number {
  if (changedMs === undefined) return 0;
  return Math.max(0, Math.min(changedMs + quietMs, waitingMs + quietWaitMs) - nowMs);
}

function usageOf(quota: ResourceQuota, content: Content, nowMs: number): ResourceList {
  const { measure, objects } = content;
  const names = Object.keys(quota.spec?.hard ?? {}).filter((it) => measure.counts(it));
  if (names.length === 0) return {};
  const scopes = scopesOf(quota.spec);
  const total = new Map(names.map((it) => [it, zero]));
  for (const object of objects) {
    if (!isInScope(measure, scopes, object)) continue;
    const usage = measure.usage(object, nowMs);
    for (const [name, amount] of total) {
      const more = usage.get(name);
      if (more !== undefined) total.set(name, amount.add(more));
    }
  }
  return listOf(total);
}
