import type { Container, ContainerRestartRule } from "#api/gen/types.ts";
import type { ContainerStatus } from "#cri/runtime.ts";
import { containerAnnotations } from "./containers.ts";

/** Waits between restarts: 10 s, doubled up to 300 s, forgotten after a run of 10 min. */
const initialBackoffMs = 10_000;
const backoffMsMax = 300_000;
const resetAfterRunMs = 600_000;

/**
 * Whether a container that ended with `exitCode` runs again. Its own rules come first, then its own
 * policy, then the pod's (upstream `pkg/api/v1/pod/util.go`, ContainerShouldRestart).
 */
export function shouldRestart(
  container: Container,
  podPolicy: string | undefined,
  exitCode: number,
): boolean {
  const ownPolicy = container.restartPolicy;
  if (ownPolicy !== undefined) {
    const rule = (container.restartPolicyRules ?? []).find((it) => ruleMatches(it, exitCode));
    if (rule?.action === "Restart") return true;
  }
  const policy = ownPolicy ?? podPolicy;
  if (policy === "Never") return false;
  return policy === "OnFailure" ? exitCode !== 0 : true;
}

function ruleMatches(rule: ContainerRestartRule, exitCode: number): boolean {
  const codes = rule.exitCodes;
  if (codes === undefined) return false;
  const listed = (codes.values ?? []).includes(exitCode);
  return codes.operator === "In" ? listed : !listed;
}

export interface RestartDelay {
  /** Wait between the end of the last instance and the next start. */
  readonly waitMs: number;
  /** What the next instance leaves for its successor to wait. */
  readonly nextBackoffMs: number;
}

/**
 * The crash-loop back-off, computed from the last instance alone, so that it survives a restart of
 * the agent. The first restart is immediate, as upstream.
 */
export function restartDelay(last: ContainerStatus): RestartDelay {
  const ranMs = last.finishedAtMs - Math.max(last.startedAtMs, last.createdAtMs);
  if (ranMs >= resetAfterRunMs) return { waitMs: 0, nextBackoffMs: initialBackoffMs };
  const waitMs = Number(last.annotations[containerAnnotations.backoffMs] ?? "0");
  const nextBackoffMs = waitMs === 0 ? initialBackoffMs : Math.min(waitMs * 2, backoffMsMax);
  return { waitMs, nextBackoffMs };
}
