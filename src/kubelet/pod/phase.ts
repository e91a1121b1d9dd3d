import type { Container, ContainerStatus, Pod } from "#api/gen/types.ts";
import { isSidecar } from "./containers.ts";
import { shouldRestart } from "./restart.ts";

export type Phase = "Pending" | "Running" | "Succeeded" | "Failed";

/** True when nothing of the pod runs any more, nor ever will. */
export function isTerminal(phase: string | undefined): phase is "Succeeded" | "Failed" {
  return phase === "Succeeded" || phase === "Failed";
}

interface Counts {
  unknown: number;
  running: number;
  waiting: number;
  stopped: number;
  stoppedForGood: number;
  succeeded: number;
}

interface InitCounts {
  pending: number;
  pendingSidecars: number;
  failedForGood: number;
}

/**
 * The phase that the containers' states add up to. `isQuiet` says that nothing runs any more and
 * nothing will. Upstream: `pkg/kubelet/kubelet_pods.go`, getPhase.
 */
export function podPhase(pod: Pod, statuses: readonly ContainerStatus[], isQuiet: boolean): Phase {
  const byName = new Map(statuses.map((it) => [it.name, it]));
  const counts: Counts = {
    unknown: 0,
    running: 0,
    waiting: 0,
    stopped: 0,
    stoppedForGood: 0,
    succeeded: 0,
  };
  const init: InitCounts = { pending: 0, pendingSidecars: 0, failedForGood: 0 };
  const policy = pod.spec?.restartPolicy;
  for (const container of pod.spec?.initContainers ?? []) {
    const status = byName.get(container.name);
    if (isSidecar(container)) countSidecar(counts, init, status);
    else countInit(init, container, policy, status);
  }
  for (const container of pod.spec?.containers ?? []) {
    countRegular(counts, container, policy, byName.get(container.name));
  }
  return phaseFrom(counts, init, hasBegun(pod, byName), isQuiet);
}

function phaseFrom(counts: Counts, init: InitCounts, begun: boolean, isQuiet: boolean): Phase {
  if (init.failedForGood > 0) return "Failed";
  if (init.pending > 0 || (init.pendingSidecars > 0 && !begun)) return "Pending";
  if (counts.waiting > 0) return "Pending";
  if (counts.running > 0 && counts.unknown === 0) return "Running";
  if (counts.running > 0 || counts.stopped === 0 || counts.unknown > 0) return "Pending";
  const isOver = isQuiet || counts.stopped === counts.stoppedForGood;
  if (!isOver) return "Running";
  return counts.stopped === counts.succeeded ? "Succeeded" : "Failed";
}

/** A regular container ran at some time, so a waiting sidecar does not take the pod back. */
function hasBegun(pod: Pod, byName: ReadonlyMap<string, ContainerStatus>): boolean {
  return (pod.spec?.containers ?? []).some(({ name }) => {
    const status = byName.get(name);
    return (
      status?.state?.running !== undefined ||
      status?.state?.terminated !== undefined ||
      status?.lastState?.terminated !== undefined
    );
  });
}

function countInit(
  init: InitCounts,
  container: Container,
  policy: string | undefined,
  status: ContainerStatus | undefined,
): void {
  const ended = endOf(status);
  if (ended === undefined) {
    init.pending += 1;
    return;
  }
  if (ended.exitCode !== 0 && !shouldRestart(container, policy, ended.exitCode)) {
    init.failedForGood += 1;
  } else if (ended.exitCode !== 0) {
    init.pending += 1;
  }
}

function countSidecar(counts: Counts, init: InitCounts, status: ContainerStatus | undefined): void {
  if (status === undefined) {
    counts.unknown += 1;
  } else if (status.state?.running !== undefined) {
    counts.running += 1;
    if (status.started !== true) init.pendingSidecars += 1;
  } else if (endOf(status) === undefined) {
    init.pendingSidecars += 1;
    counts.waiting += 1;
  }
}

function countRegular(
  counts: Counts,
  container: Container,
  policy: string | undefined,
  status: ContainerStatus | undefined,
): void {
  if (status === undefined) {
    counts.unknown += 1;
    return;
  }
  if (status.state?.running !== undefined) {
    counts.running += 1;
    return;
  }
  const ended = endOf(status);
  if (ended === undefined) {
    counts.waiting += 1;
    return;
  }
  counts.stopped += 1;
  if (!shouldRestart(container, policy, ended.exitCode)) counts.stoppedForGood += 1;
  if (status.state?.terminated?.exitCode === 0) counts.succeeded += 1;
}

/** How the container ended last, whether or not it waits to run again. */
function endOf(status: ContainerStatus | undefined): { readonly exitCode: number } | undefined {
  if (status?.state?.terminated !== undefined) return status.state.terminated;
  return status?.state?.running === undefined ? status?.lastState?.terminated : undefined;
}
