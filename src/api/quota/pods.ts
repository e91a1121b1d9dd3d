import type { Container, Pod, PodAffinityTerm } from "#api/gen/types.ts";
import type { Quantity } from "#api/quantity.ts";
import { qosClassOf } from "#api/rules/pod/qos.ts";
import {
  isExtendedResource,
  isHugePages,
  isNativeResource,
  isPodLevelResource,
} from "#api/rules/pod/resource-names.ts";
import type { Loose } from "#api/rules/rules.ts";
import { parseTime } from "#api/time.ts";
import { amountsIn, one, sumOf, type Amounts } from "./amounts.ts";
import { podAmounts } from "./effective-resources.ts";
import { countName, selects, type Measure, type Scope } from "./measure.ts";

const podCount = countName("", "pods");
const requestsPrefix = "requests.";
const deviceClassPrefix = "deviceclass.resource.kubernetes.io/";
const computed = ["cpu", "memory", "ephemeral-storage"];

const names = new Set([
  podCount,
  "pods",
  ...computed,
  ...computed.map((it) => `requests.${it}`),
  ...computed.map((it) => `limits.${it}`),
]);

/** What containers must say when a quota counts it: a mistake of old that stays. */
const demanded = new Set([
  "cpu",
  "memory",
  "requests.cpu",
  "requests.memory",
  "limits.cpu",
  "limits.memory",
]);

/** Upstream: `pkg/quota/v1/evaluator/core/pods.go`. */
export const podMeasure: Measure = {
  counts(name) {
    return names.has(name) || isOfPrefix(name);
  },
  usage(pod: Loose<Pod>, nowMs) {
    const counted: Amounts = new Map([[podCount, one]]);
    if (!isCharged(pod, nowMs)) return counted;
    const { requests, limits } = podAmounts(pod);
    return sumOf(counted, named(requests, limits));
  },
  isIn: isPodIn,
  missing(required, pod: Loose<Pod>) {
    const spec = pod.spec ?? {};
    const whole = { ...spec.resources?.requests, ...spec.resources?.limits };
    if (Object.keys(whole).some(isPodLevelResource)) return undefined;
    const wanted = required.filter((it) => demanded.has(it));
    const lacking = new Map<string, Set<string>>();
    for (const it of [...(spec.containers ?? []), ...(spec.initContainers ?? [])]) {
      for (const name of lackedBy(it, wanted)) {
        lacking.set(name, (lacking.get(name) ?? new Set()).add(it.name ?? ""));
      }
    }
    if (lacking.size === 0) return undefined;
    const parts = [...lacking].map(([name, who]) => `${name} for: ${[...who].sort().join(",")}`);
    return `must specify ${parts.sort().join("; ")}`;
  },
};

/**
 * False for a pod that has ended, or that should long be gone: nobody is to pay for a node that is
 * lost. Upstream: `QuotaV1Pod`.
 */
export function isCharged({ metadata, status }: Loose<Pod>, nowMs: number): boolean {
  if (status?.phase === "Failed" || status?.phase === "Succeeded") return false;
  const graceMs = metadata?.deletionGracePeriodSeconds;
  const deletedMs = parseTime(metadata?.deletionTimestamp ?? "");
  if (graceMs === undefined || deletedMs === undefined) return true;
  return nowMs <= deletedMs + graceMs * 1_000;
}

/** True for a pod with a deadline. */
export function isTerminating({ spec }: Loose<Pod>): boolean {
  return (spec?.activeDeadlineSeconds ?? -1) >= 0;
}

/** Huge pages, and what devices offer: quotas count their requests only. */
function isOfPrefix(name: string): boolean {
  if (isHugePages(name) || name.startsWith(`${requestsPrefix}hugepages-`)) return true;
  if (!name.startsWith(requestsPrefix)) return false;
  return !isNativeResource(name) || name.startsWith(`${requestsPrefix}${deviceClassPrefix}`);
}

/** Requests and limits by the names that quotas have for them. */
function named(requests: Amounts, limits: Amounts): Map<string, Quantity> {
  const result = new Map([["pods", one]]);
  for (const name of computed) {
    const request = requests.get(name);
    if (request !== undefined) result.set(name, request).set(`${requestsPrefix}${name}`, request);
    const limit = limits.get(name);
    if (limit !== undefined) result.set(`limits.${name}`, limit);
  }
  for (const [name, request] of requests) {
    if (isHugePages(name)) result.set(name, request);
    if (isHugePages(name) || isExtendedResource(name) || name.startsWith(deviceClassPrefix)) {
      result.set(`${requestsPrefix}${name}`, request);
    }
  }
  return result;
}

function lackedBy({ resources }: Loose<Container>, wanted: readonly string[]): string[] {
  const said = named(amountsIn(resources?.requests), amountsIn(resources?.limits));
  return wanted.filter((it) => !said.has(it));
}

function isPodIn(scope: Scope, pod: Loose<Pod>): boolean {
  switch (scope.scopeName) {
    case "Terminating":
      return isTerminating(pod);
    case "NotTerminating":
      return !isTerminating(pod);
    case "BestEffort":
      return isBestEffort(pod);
    case "NotBestEffort":
      return !isBestEffort(pod);
    case "PriorityClass":
      return selects(scope, pod.spec?.priorityClassName);
    case "CrossNamespacePodAffinity":
      return reachesOtherNamespaces(pod);
    case undefined:
    default:
      return false;
  }
}

function isBestEffort({ spec, status }: Loose<Pod>): boolean {
  return (status?.qosClass ?? qosClassOf(spec ?? {})) === "BestEffort";
}

function reachesOtherNamespaces({ spec }: Loose<Pod>): boolean {
  const { podAffinity, podAntiAffinity } = spec?.affinity ?? {};
  return [podAffinity, podAntiAffinity].some((it) => {
    const preferred = it?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
    const required = it?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
    return [...required, ...preferred.map((term) => term.podAffinityTerm ?? {})].some(isElsewhere);
  });
}

function isElsewhere({ namespaces = [], namespaceSelector }: Loose<PodAffinityTerm>): boolean {
  return namespaces.length > 0 || namespaceSelector !== undefined;
}
