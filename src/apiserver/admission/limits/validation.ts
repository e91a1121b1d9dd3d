import type {
  Container,
  LimitRange,
  LimitRangeItem,
  PersistentVolumeClaim,
  Pod,
  PodSpec,
} from "#api/gen/types.ts";
import { findQuantity, type Quantity } from "#api/quantity.ts";
import { amountsIn } from "#api/quota/amounts.ts";
import { totalOf } from "#api/rules/pod/totals.ts";
import type { Loose } from "#api/rules/rules.ts";
import {
  aboveMaximum,
  aboveRatio,
  belowMinimum,
  requestAboveMaximum,
  type Bound,
  type Demand,
} from "./constraints.ts";

/** What of the range a pod does not keep to. Upstream: `PodValidateLimitFunc`. */
export function podLimitFaults(range: Loose<LimitRange>, pod: Loose<Pod>): string[] {
  const spec = pod.spec ?? {};
  const faults: string[] = [];
  for (const item of range.spec?.limits ?? []) {
    if (item.type === "Container") {
      for (const it of spec.containers ?? []) faults.push(...itemFaults(item, demandOf(it)));
      for (const it of spec.initContainers ?? []) faults.push(...itemFaults(item, demandOf(it)));
    }
    if (item.type === "Pod") faults.push(...itemFaults(item, podDemand(spec)));
  }
  return faults;
}

/** What of the range a claim does not keep to. Upstream: `PersistentVolumeClaimValidateLimitFunc`. */
export function claimLimitFaults(
  range: Loose<LimitRange>,
  claim: Loose<PersistentVolumeClaim>,
): string[] {
  const requests = amountsIn(claim.spec?.resources?.requests);
  const faults: (string | undefined)[] = [];
  for (const item of range.spec?.limits ?? []) {
    if (item.type !== "PersistentVolumeClaim") continue;
    const demand = { requests, limits: new Map<string, Quantity>() };
    for (const it of boundsOf(item, item.min)) faults.push(belowMinimum(it, demand));
    for (const it of boundsOf(item, item.max)) faults.push(requestAboveMaximum(it, requests));
  }
  return faults.filter((it) => it !== undefined);
}

/** Several faults as one message, each once. Upstream: `utilerrors.NewAggregate`. */
export function joinFaults(faults: readonly string[]): string {
  const distinct = [...new Set(faults)];
  return distinct.length === 1 ? distinct.join("") : `[${distinct.join(", ")}]`;
}

function itemFaults(item: Loose<LimitRangeItem>, demand: Demand): string[] {
  return [
    ...boundsOf(item, item.min).map((it) => belowMinimum(it, demand)),
    ...boundsOf(item, item.max).map((it) => aboveMaximum(it, demand)),
    ...boundsOf(item, item.maxLimitRequestRatio).map((it) => aboveRatio(it, demand)),
  ].filter((it) => it !== undefined);
}

function boundsOf(
  item: Loose<LimitRangeItem>,
  list: Readonly<Record<string, string>> | undefined,
): Bound[] {
  const type = item.type ?? "";
  return [...amountsIn(list)].map(([name, amount]) => ({ type, name, amount }));
}

function demandOf(container: Loose<Container>): Demand {
  const { requests, limits } = container.resources ?? {};
  return { requests: amountsIn(requests), limits: amountsIn(limits) };
}

/** What the pod says for all its containers together counts before their sum. */
function podDemand(spec: Loose<PodSpec>): Demand {
  const requests = totalOf(spec, "requests");
  const limits = totalOf(spec, "limits");
  for (const name of ["cpu", "memory"]) {
    const request = findQuantity(spec.resources?.requests?.[name] ?? "");
    const limit = findQuantity(spec.resources?.limits?.[name] ?? "");
    if (request !== undefined) requests.set(name, request);
    if (limit !== undefined) limits.set(name, limit);
  }
  return { requests, limits };
}
