import type { Pod } from "#api/gen/types.ts";
import type { SandboxStatus } from "#cri/runtime.ts";

/**
 * The sandbox in which the pod's containers run: the newest, if it is ready, alone in being ready,
 * and has an address where the pod has a network of its own. Undefined: a new one is needed.
 * Upstream: `pkg/kubelet/kuberuntime/util/util.go`, PodSandboxChanged.
 */
export function currentSandbox(
  pod: Pod,
  sandboxes: readonly SandboxStatus[],
): SandboxStatus | undefined {
  const newest = sandboxes[0];
  if (newest?.state !== "ready") return undefined;
  if (sandboxes.filter((it) => it.state === "ready").length > 1) return undefined;
  if (pod.spec?.hostNetwork !== true && newest.ips.length === 0) return undefined;
  return newest;
}

/** Attempts are never reused: the runtime reserves a sandbox's name with its attempt. */
export function nextSandboxAttempt(
  sandboxes: readonly SandboxStatus[],
  attemptMin: number,
): number {
  return sandboxes.reduce((next, it) => Math.max(next, it.metadata.attempt + 1), attemptMin);
}
