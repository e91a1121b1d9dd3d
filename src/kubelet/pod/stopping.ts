import type { ContainerStatus } from "#cri/runtime.ts";
import { initContainersOf, isSidecar } from "./containers.ts";
import { operationKey, type Action, type PodInput } from "./input.ts";

/** A container gets at least this long to end, even when no time is left (upstream: 2 s). */
export const graceSecondsMin = 2;
/** A kill under way is hurried only when it would end at least this much sooner. */
const hurryMs = 1_000;

/**
 * Decides how a pod ends: its containers, then its sandboxes, then what was prepared for it, then
 * its object, then what the runtime keeps of it. One step at a time; each waits for the one before.
 */
export function planStopping(input: PodInput): readonly Action[] {
  const { observed, busy } = input;
  const alive = observed.containers.filter((it) => isAlive(it));
  if (alive.length > 0) return planKills(input, alive);
  if ([...busy].some((it) => it === operationKey.sandbox || it.startsWith("start:"))) return [];
  const toStop = observed.sandboxes.filter((it) => !input.stoppedSandboxes.has(it.id));
  if (toStop.length > 0) {
    return toStop.map((it) => ({ kind: "stop-sandbox", sandboxId: it.id }));
  }
  if (!input.tornDown) return [{ kind: "tear-down" }];
  if (input.vanished) return planRemoval(input);
  return input.pod.metadata?.deletionTimestamp === undefined ? [] : [{ kind: "delete" }];
}

function isAlive(container: ContainerStatus): boolean {
  return container.state === "running" || container.state === "unknown";
}

/** Regular containers end first and together; then the sidecars, the last one first. */
function planKills(input: PodInput, alive: readonly ContainerStatus[]): readonly Action[] {
  const sidecars = initContainersOf(input.pod)
    .filter((it) => isSidecar(it.spec))
    .map((it) => it.spec.name);
  const others = alive.filter((it) => !sidecars.includes(it.metadata.name));
  const lastSidecar = sidecars.findLast((name) => alive.some((it) => it.metadata.name === name));
  const turn = others.length > 0 ? others : alive.filter((it) => it.metadata.name === lastSidecar);
  return turn.flatMap((it) => planKill(input, it));
}

function planKill(input: PodInput, container: ContainerStatus): readonly Action[] {
  const graceSeconds = remainingGrace(input);
  const deadlineMs = input.killDeadlines.get(container.id);
  const isKilled = input.busy.has(operationKey.kill(container.id));
  if (isKilled && deadlineMs !== undefined) {
    if (input.nowMs + graceSeconds * 1000 + hurryMs >= deadlineMs) return [];
  } else if (isKilled) {
    return [];
  }
  return [
    {
      kind: "kill",
      containerId: container.id,
      container: container.metadata.name,
      graceSeconds,
      cause: "stopping",
      message: "",
      replace: false,
    },
  ];
}

/** Seconds left of the grace period, which all containers of the pod share. */
function remainingGrace(input: PodInput): number {
  const { pod, nowMs } = input;
  const own =
    pod.metadata?.deletionGracePeriodSeconds ?? pod.spec?.terminationGracePeriodSeconds ?? 30;
  const total = input.vanished ? graceSecondsMin : (input.verdict?.graceSeconds ?? own);
  const elapsed = Math.floor((nowMs - (input.stoppingSinceMs ?? nowMs)) / 1000);
  return Math.max(total - elapsed, graceSecondsMin);
}

function planRemoval(input: PodInput): readonly Action[] {
  const { containers, sandboxes } = input.observed;
  if (containers.length > 0) return containers.map(({ id }) => ({ kind: "remove-container", id }));
  if (sandboxes.length > 0) return sandboxes.map(({ id }) => ({ kind: "remove-sandbox", id }));
  return [{ kind: "forget" }];
}
