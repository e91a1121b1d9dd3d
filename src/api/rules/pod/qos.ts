import type { PodSpec } from "#api/gen/types.ts";
import { findQuantity, type Quantity } from "#api/quantity.ts";
import type { Loose } from "#api/rules/rules.ts";

export type QosClass = "Guaranteed" | "Burstable" | "BestEffort";

type ResourceList = Readonly<Record<string, string>> | undefined;
type Sums = Map<string, Quantity>;

const counted = ["cpu", "memory"];

/** The quality of service class of a pod. Upstream: `qos.ComputePodQOS`. */
export function qosClassOf(spec: Loose<PodSpec>): QosClass {
  const requests: Sums = new Map();
  const limits: Sums = new Map();
  let isGuaranteed = true;
  if (spec.resources !== undefined) {
    sum(requests, spec.resources.requests);
    if (spec.resources.limits !== undefined) {
      isGuaranteed = sum(limits, spec.resources.limits) === counted.length;
    }
  } else {
    for (const it of [...(spec.containers ?? []), ...(spec.initContainers ?? [])]) {
      sum(requests, it.resources?.requests);
      if (sum(limits, it.resources?.limits) < counted.length) isGuaranteed = false;
    }
  }
  if (requests.size === 0 && limits.size === 0) return "BestEffort";
  return isGuaranteed && areEqual(requests, limits) ? "Guaranteed" : "Burstable";
}

function areEqual(requests: Sums, limits: Sums): boolean {
  if (requests.size !== limits.size) return false;
  for (const [name, amount] of requests) {
    if (limits.get(name)?.compare(amount) !== 0) return false;
  }
  return true;
}

/** Adds what counts and is above zero; returns how many of the counted resources were there. */
function sum(sums: Sums, list: ResourceList): number {
  let found = 0;
  for (const name of counted) {
    const text = list?.[name];
    const amount = text === undefined ? undefined : findQuantity(text);
    if (amount === undefined || amount.sign() <= 0) continue;
    found++;
    sums.set(name, sums.get(name)?.add(amount) ?? amount);
  }
  return found;
}
