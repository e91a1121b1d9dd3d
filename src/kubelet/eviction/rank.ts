import type { Container, Pod } from "#api/gen/types.ts";
import { findQuantity, quantityOf } from "#api/quantity.ts";
import { podRequests } from "#kubelet/pod/resources.ts";
import { thresholdAmount } from "./thresholds.ts";
import type { Reclaim, StarvedResource } from "./plan.ts";

/** What one pod uses of what may run short. */
export interface PodUsage {
  readonly pod: Pod;
  readonly memoryBytes: number;
  /** Logs, empty directories and what containers wrote to their own file systems. */
  readonly diskBytes: number;
  readonly inodes: number;
  readonly processes: number;
  /** By name of the container. */
  readonly containers: ReadonlyMap<
    string,
    { readonly memoryBytes: number; readonly diskBytes: number }
  >;
}

/** Upstream's priority of pods without which the cluster does not work. */
const systemCritical = 2_000_000_000;

/** Critical pods, and those of the node itself, are never evicted. */
export function isCritical({ metadata, spec }: Pod): boolean {
  const { annotations = {} } = metadata ?? {};
  const source = annotations["kubernetes.io/config.source"];
  return (
    (source !== undefined && source !== "api") ||
    annotations["kubernetes.io/config.mirror"] !== undefined ||
    (spec?.priority ?? 0) >= systemCritical
  );
}

/**
 * The pods in the order in which they are evicted: those that use more than they asked for first, of
 * these the least important, of these the one that is furthest above. Critical pods are left out.
 * Upstream: `pkg/kubelet/eviction/helpers.go`, rankMemoryPressure and its like.
 */
export function rankPods(usages: readonly PodUsage[], resource: StarvedResource): PodUsage[] {
  const excess = (it: PodUsage): number => usageOf(it, resource) - requestOf(it.pod, resource);
  const isModest = (it: PodUsage): number => Number(resource !== "pids" && excess(it) <= 0);
  return usages
    .filter((it) => !isCritical(it.pod))
    .sort(
      (left, right) =>
        isModest(left) - isModest(right) ||
        (left.pod.spec?.priority ?? 0) - (right.pod.spec?.priority ?? 0) ||
        excess(right) - excess(left),
    );
}

function usageOf(usage: PodUsage, resource: StarvedResource): number {
  switch (resource) {
    case "memory":
      return usage.memoryBytes;
    case "ephemeral-storage":
      return usage.diskBytes;
    case "inodes":
      return usage.inodes;
    case "pids":
      return usage.processes;
  }
}

function requestOf(pod: Pod, resource: StarvedResource): number {
  if (resource === "memory") return podRequests(pod).memoryBytes;
  if (resource !== "ephemeral-storage") return 0;
  return (pod.spec?.containers ?? []).reduce((sum, it) => sum + amountOf(it, resource), 0);
}

function amountOf({ resources }: Container, name: string): number {
  return findQuantity(resources?.requests?.[name] ?? "0")?.value() ?? 0;
}

/** What an evicted pod's status and event say. Upstream: evictionMessage. */
export function evictionMessage(usage: PodUsage, reclaim: Reclaim): string {
  const { resource, threshold, observation } = reclaim;
  const amount = binary(thresholdAmount(threshold, observation), resource);
  const available = binary(observation.available, resource);
  let message =
    `The node was low on resource: ${resource}. ` +
    `Threshold quantity: ${amount}, available: ${available}. `;
  if (resource !== "memory" && resource !== "ephemeral-storage") return message;
  const { containers = [], initContainers = [] } = usage.pod.spec ?? {};
  for (const container of [...containers, ...initContainers]) {
    const used = usage.containers.get(container.name);
    const bytes = (resource === "memory" ? used?.memoryBytes : used?.diskBytes) ?? 0;
    if (bytes <= amountOf(container, resource)) continue;
    const request = container.resources?.requests?.[resource] ?? "0";
    message += `Container ${container.name} was using ${binary(bytes, resource)}, request is ${request}, has larger consumption of ${resource}. `;
  }
  return message;
}

/** Bytes as upstream shows them: whole kibibytes. */
function binary(amount: number, resource: StarvedResource): string {
  if (resource === "inodes" || resource === "pids") return String(amount);
  return quantityOf(amount, "BinarySI").toString();
}
