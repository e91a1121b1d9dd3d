import type { Pod } from "#api/gen/types.ts";
import { parseTime } from "#api/time.ts";
import {
  ephemeralContainersOf,
  initContainersOf,
  instancesOf,
  regularContainersOf,
  type PodContainer,
} from "./containers.ts";
import { decideContainer, type Decision } from "./decide.ts";
import {
  keyOf,
  operationKey,
  sandboxKey,
  type Action,
  type PodInput,
  type PodPlan,
  type Verdict,
} from "./input.ts";
import { needsResize } from "./resize.ts";
import { shouldRestart } from "./restart.ts";
import { currentSandbox, nextSandboxAttempt } from "./sandbox.ts";
import { planStopping } from "./stopping.ts";

/** Instances of one container kept in the runtime: the current one and the one before. */
const instancesKeptPerContainer = 2;

/** Collects a plan while it is made. */
interface Draft {
  readonly actions: Action[];
  readonly backoffs: Map<string, { untilMs: number; backoffMs: number }>;
  wakeAtMs: number | undefined;
}

/**
 * Decides what to do for one pod now. Safe to ask at any time and any number of times: what is
 * under way is in `busy` and is not asked for again.
 * Upstream: `pkg/kubelet/kuberuntime/kuberuntime_manager.go`, computePodActions.
 */
export function planPod(input: PodInput): PodPlan {
  const draft: Draft = { actions: [], backoffs: new Map(), wakeAtMs: undefined };
  const verdict = input.verdict ?? deadlineVerdict(input, draft);
  const ended = input.vanished || verdict !== undefined || isEnded(input.pod);
  const finished = ended ? allDone(input) : planRunning(input, draft);
  const stopping = ended || finished;
  const actions = stopping ? planStopping(input) : draft.actions;
  return {
    actions: actions.filter((it) => isUrgentKill(it) || !isBusy(input, it)),
    stopping,
    finished,
    verdict,
    backoffs: stopping ? new Map() : draft.backoffs,
    wakeAtMs: stopping ? undefined : draft.wakeAtMs,
  };
}

function isEnded(pod: Pod): boolean {
  const phase = pod.status?.phase;
  return (
    pod.metadata?.deletionTimestamp !== undefined || phase === "Failed" || phase === "Succeeded"
  );
}

function deadlineVerdict(input: PodInput, draft: Draft): Verdict | undefined {
  const seconds = input.pod.spec?.activeDeadlineSeconds;
  const startedAtMs = parseTime(input.pod.status?.startTime ?? "");
  if (seconds === undefined || startedAtMs === undefined || isEnded(input.pod)) return undefined;
  const deadlineMs = startedAtMs + seconds * 1000;
  if (input.nowMs < deadlineMs) {
    wakeAt(draft, deadlineMs);
    return undefined;
  }
  return {
    reason: "DeadlineExceeded",
    message: "Pod was active on the node longer than the specified deadline",
  };
}

/** Fills the draft; true when the pod has run to its end. */
function planRunning(input: PodInput, draft: Draft): boolean {
  const sandbox = currentSandbox(input.pod, input.observed.sandboxes);
  if (sandbox === undefined) return planSandbox(input, draft);
  planGarbage(input, sandbox.id, draft);
  if (needsResize(input)) draft.actions.push({ kind: "resize" });
  for (const container of ephemeralContainersOf(input.pod)) {
    const isNew = instancesOf(input.observed.containers, container.spec.name).length === 0;
    if (isNew) apply(draft, decideContainer(input, container, sandbox.id), container, sandbox.id);
  }
  const init = planInit(input, sandbox.id, draft);
  if (init !== "initialized") return init === "failed";
  return planRegular(input, sandbox.id, draft);
}

/**
 * True when all have ended for good. A container is started after the postStart hooks of those
 * before it, as upstream: that is how a proxy is made ready before what talks through it.
 */
function planRegular(input: PodInput, sandboxId: string, draft: Draft): boolean {
  let done = 0;
  let isHeld = false;
  const regular = regularContainersOf(input.pod);
  for (const container of regular) {
    const decision = decideContainer(input, container, sandboxId);
    if (decision.kind === "done") done += 1;
    if (decision.kind === "start" && isHeld) continue;
    apply(draft, decision, container, sandboxId);
    const isStarting = decision.kind === "start" || isBeingStarted(input, container);
    isHeld ||= isStarting && container.spec.lifecycle?.postStart !== undefined;
  }
  return done === regular.length;
}

function isBeingStarted(input: PodInput, { spec }: PodContainer): boolean {
  return input.busy.has(operationKey.start(spec.name));
}

/** No usable sandbox: ends what is left of the old one, then asks for a new one. */
function planSandbox(input: PodInput, draft: Draft): boolean {
  if (input.observed.containers.length > 0 && allDone(input)) return true;
  for (const container of input.observed.containers) {
    if (container.state !== "running" && container.state !== "unknown") continue;
    draft.actions.push({
      kind: "kill",
      containerId: container.id,
      container: container.metadata.name,
      graceSeconds: input.pod.spec?.terminationGracePeriodSeconds ?? 30,
      cause: "sandbox",
      message: "",
      replace: false,
    });
  }
  if (draft.actions.length > 0) return false;
  const toStop = input.observed.sandboxes.filter((it) => !input.stoppedSandboxes.has(it.id));
  if (toStop.length > 0) {
    draft.actions.push(
      ...toStop.map((it) => ({ kind: "stop-sandbox" as const, sandboxId: it.id })),
    );
    return false;
  }
  const failure = input.failures.get(sandboxKey);
  if (failure !== undefined && failure.retryAtMs > input.nowMs) {
    wakeAt(draft, failure.retryAtMs);
    return false;
  }
  const attempt = nextSandboxAttempt(input.observed.sandboxes, input.sandboxAttemptMin);
  draft.actions.push({ kind: "create-sandbox", attempt });
  return false;
}

type InitProgress = "initialized" | "initializing" | "failed";

/**
 * Init containers run one after another; a sidecar lets the next begin once it has started.
 * Only instances of this sandbox count: a new sandbox begins from the first.
 * Upstream: `pkg/kubelet/kuberuntime/kuberuntime_container.go`, computeInitContainerActions.
 */
function planInit(input: PodInput, sandboxId: string, draft: Draft): InitProgress {
  const containers = initContainersOf(input.pod);
  const begun = (it: PodContainer): boolean => hasBegun(input, it, sandboxId);
  if (regularContainersOf(input.pod).some(begun)) {
    for (const container of containers.filter((it) => it.role === "sidecar")) {
      apply(draft, decideContainer(input, container, sandboxId), container, sandboxId);
    }
    return "initialized";
  }
  const last = containers.findLastIndex(begun);
  for (const container of containers.slice(0, Math.max(last, 0))) {
    if (container.role !== "sidecar") continue;
    apply(draft, decideContainer(input, container, sandboxId), container, sandboxId);
  }
  for (const container of containers.slice(Math.max(last, 0))) {
    const decision = decideContainer(input, container, sandboxId);
    apply(draft, decision, container, sandboxId);
    if (decision.kind === "failed") return "failed";
    const passed =
      decision.kind === "done" ||
      (container.role === "sidecar" && hasStarted(input, container, decision));
    if (!passed) return "initializing";
  }
  return "initialized";
}

function hasBegun(input: PodInput, container: PodContainer, sandboxId: string): boolean {
  const { name } = container.spec;
  return (
    input.busy.has(operationKey.start(name)) ||
    instancesOf(input.observed.containers, name).some((it) => it.sandboxId === sandboxId)
  );
}

function hasStarted(input: PodInput, container: PodContainer, decision: Decision): boolean {
  if (decision.kind !== "keep" || decision.containerId === undefined) return false;
  // Its postStart hook is part of its start.
  if (isBeingStarted(input, container)) return false;
  const startup = input.probes.get(decision.containerId)?.startup;
  return startup === undefined || startup === "success";
}

/** Every regular container ended for good, or a plain init container failed for good. */
function allDone(input: PodInput): boolean {
  const { pod, observed } = input;
  const policy = pod.spec?.restartPolicy;
  const isDone = ({ spec }: PodContainer): boolean => {
    const newest = instancesOf(observed.containers, spec.name)[0];
    return newest?.state === "exited" && !shouldRestart(spec, policy, newest.exitCode);
  };
  const initFailed = initContainersOf(pod).some((it) => {
    const newest = instancesOf(observed.containers, it.spec.name)[0];
    return it.role === "init" && isDone(it) && newest !== undefined && newest.exitCode !== 0;
  });
  return initFailed || regularContainersOf(pod).every(isDone);
}

/** Old instances past the bound, leftovers that never ran, and sandboxes nobody lives in. */
function planGarbage(input: PodInput, sandboxId: string, draft: Draft): void {
  const seen = new Map<string, number>();
  const kept = new Set<string>();
  for (const container of input.observed.containers) {
    const { name } = container.metadata;
    const nth = (seen.get(name) ?? 0) + 1;
    seen.set(name, nth);
    const isDead = container.state === "exited" || (container.state === "created" && nth > 1);
    if (isDead && nth > instancesKeptPerContainer) {
      draft.actions.push({ kind: "remove-container", id: container.id });
    } else {
      kept.add(container.sandboxId);
    }
  }
  for (const { id } of input.observed.sandboxes) {
    if (id === sandboxId) continue;
    if (!input.stoppedSandboxes.has(id)) {
      draft.actions.push({ kind: "stop-sandbox", sandboxId: id });
    } else if (!kept.has(id)) {
      draft.actions.push({ kind: "remove-sandbox", id });
    }
  }
}

/** Turns a decision about one container into actions. */
function apply(
  draft: Draft,
  decision: Decision,
  { spec: { name } }: PodContainer,
  sandboxId: string,
): void {
  switch (decision.kind) {
    case "start": {
      const { attempt, backoffMs } = decision;
      draft.actions.push({ kind: "start", container: name, sandboxId, attempt, backoffMs });
      break;
    }
    case "kill":
      draft.actions.push(decision.action);
      break;
    case "wait":
      wakeAt(draft, decision.untilMs);
      if (decision.backoffMs !== undefined) {
        draft.backoffs.set(name, { untilMs: decision.untilMs, backoffMs: decision.backoffMs });
      }
      break;
    case "keep":
    case "done":
    case "failed":
      break;
  }
}

function wakeAt(draft: Draft, ms: number): void {
  draft.wakeAtMs = Math.min(draft.wakeAtMs ?? Number.POSITIVE_INFINITY, ms);
}

function isBusy(input: PodInput, action: Action): boolean {
  return input.busy.has(keyOf(action));
}

/** stopping.ts asks for a kill that is under way only when it must end sooner. */
function isUrgentKill(action: Action): boolean {
  return action.kind === "kill" && action.cause === "stopping";
}
