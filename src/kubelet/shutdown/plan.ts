import type { Pod } from "#api/gen/types.ts";

export interface ShutdownGroup {
  readonly pods: readonly Pod[];
  readonly graceMs: number;
}

/** Upstream's priority of pods that others need to the end. */
const systemCritical = 2_000_000_000;

/**
 * Pods in the order in which they end with the machine: the others first, then the critical ones
 * within what is kept for them. Upstream: `pkg/kubelet/nodeshutdown/nodeshutdown_manager.go`.
 */
export function planShutdown(
  pods: readonly Pod[],
  { graceMs, criticalMs }: { readonly graceMs: number; readonly criticalMs: number },
): readonly ShutdownGroup[] {
  const isCritical = (it: Pod): boolean => (it.spec?.priority ?? 0) >= systemCritical;
  const groups = [
    { pods: pods.filter((it) => !isCritical(it)), graceMs: graceMs - criticalMs },
    { pods: pods.filter(isCritical), graceMs: criticalMs },
  ];
  return groups.filter((it) => it.pods.length > 0);
}

/** A pod's grace period, in seconds: its own, within the group's. */
export function shutdownGraceSeconds(pod: Pod, { graceMs }: ShutdownGroup): number {
  return Math.min(pod.spec?.terminationGracePeriodSeconds ?? 30, Math.floor(graceMs / 1000));
}
