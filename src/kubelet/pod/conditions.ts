import type { ContainerStatus, Pod, PodCondition } from "#api/gen/types.ts";
import { formatTime } from "#api/time.ts";
import { isSidecar } from "./containers.ts";
import type { Phase } from "./phase.ts";
import { resizeConditions, resizeConditionTypes, type ResizeProgress } from "./resize.ts";

/** Condition types that the node agent writes; all others are left to their writers. */
export const ownConditions: ReadonlySet<string> = new Set([
  "PodReadyToStartContainers",
  "Initialized",
  "Ready",
  "ContainersReady",
  "PodScheduled",
  ...resizeConditionTypes,
]);

interface Verdict {
  readonly status: "True" | "False";
  readonly reason?: string;
  readonly message?: string;
}

export interface ConditionsInput {
  readonly pod: Pod;
  readonly previous: readonly PodCondition[];
  /** Init and regular containers. */
  readonly statuses: readonly ContainerStatus[];
  readonly phase: Phase;
  /** A sandbox with its network is there. */
  readonly hasSandbox: boolean;
  readonly resize: ResizeProgress;
  /** Why the node ends the pod for reasons of its own; undefined: it does not. */
  readonly disruption: string | undefined;
  readonly nowMs: number;
}

/**
 * The pod's conditions: others' first, then ours, with the time of their last change.
 * Upstream: `pkg/kubelet/status/generate.go`.
 */
export function podConditions(input: ConditionsInput): PodCondition[] {
  const isOwn = (type: string): boolean =>
    ownConditions.has(type) || (input.disruption !== undefined && type === disruptionType);
  const foreign = (input.pod.status?.conditions ?? []).filter((it) => !isOwn(it.type));
  const containersReady = containersReadyVerdict(input);
  const { disruption } = input;
  const reason = "TerminationByKubelet";
  const own: [type: string, verdict: Verdict][] = [
    ...(disruption === undefined
      ? []
      : [disrupted({ status: "True", reason, message: disruption })]),
    ["PodReadyToStartContainers", { status: input.hasSandbox ? "True" : "False" }],
    ["Initialized", initializedVerdict(input)],
    ["Ready", readyVerdict(input, containersReady, foreign)],
    ["ContainersReady", containersReady],
    ["PodScheduled", { status: "True" }],
  ];
  const resize = resizeConditions(input.resize).map((it): PodCondition => {
    const old = input.previous.find((other) => other.type === it.type);
    return { ...it, lastTransitionTime: old?.lastTransitionTime ?? formatTime(input.nowMs) };
  });
  return [
    ...foreign,
    ...resize,
    ...own.map(([type, verdict]) => conditionOf(input, type, verdict)),
  ];
}

/** Others set it too: whoever ends a pod that could go on. */
const disruptionType = "DisruptionTarget";

function disrupted(verdict: Verdict): [type: string, verdict: Verdict] {
  return [disruptionType, verdict];
}

function conditionOf(input: ConditionsInput, type: string, verdict: Verdict): PodCondition {
  const old = input.previous.find((it) => it.type === type);
  const isSame = old?.status === verdict.status && old.lastTransitionTime !== undefined;
  const { generation } = input.pod.metadata ?? {};
  return {
    type,
    status: verdict.status,
    lastTransitionTime: isSame ? old.lastTransitionTime : formatTime(input.nowMs),
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    ...(verdict.reason === undefined ? {} : { reason: verdict.reason }),
    ...(verdict.message === undefined ? {} : { message: verdict.message }),
  };
}

function initializedVerdict({ pod, statuses, phase }: ConditionsInput): Verdict {
  const unknown: string[] = [];
  const incomplete: string[] = [];
  for (const container of pod.spec?.initContainers ?? []) {
    const status = statuses.find((it) => it.name === container.name);
    if (status === undefined) unknown.push(container.name);
    else if (!(isSidecar(container) ? status.started === true : status.ready)) {
      incomplete.push(container.name);
    }
  }
  if (phase === "Succeeded" && unknown.length === 0) {
    return { status: "True", reason: "PodCompleted" };
  }
  const names = new Set((pod.spec?.containers ?? []).map((it) => it.name));
  const hasStarted = statuses.some(
    (it) =>
      names.has(it.name) &&
      (it.started === true ||
        it.state?.terminated !== undefined ||
        it.lastState?.terminated !== undefined),
  );
  if (hasStarted || unknown.length + incomplete.length === 0) return { status: "True" };
  return {
    status: "False",
    reason: "ContainersNotInitialized",
    message: describe(unknown, incomplete, "incomplete"),
  };
}

function containersReadyVerdict({ pod, statuses, phase }: ConditionsInput): Verdict {
  const containers = [
    ...(pod.spec?.initContainers ?? []).filter(isSidecar),
    ...(pod.spec?.containers ?? []),
  ];
  const unknown: string[] = [];
  const unready: string[] = [];
  for (const { name } of containers) {
    const status = statuses.find((it) => it.name === name);
    if (status === undefined) unknown.push(name);
    else if (!status.ready) unready.push(name);
  }
  if (phase === "Succeeded" && unknown.length === 0) {
    return { status: "False", reason: "PodCompleted" };
  }
  if (phase === "Failed") return { status: "False", reason: "PodFailed" };
  if (unknown.length + unready.length === 0) return { status: "True" };
  return {
    status: "False",
    reason: "ContainersNotReady",
    message: describe(unknown, unready, "unready"),
  };
}

function readyVerdict(
  { pod }: ConditionsInput,
  containersReady: Verdict,
  conditions: readonly PodCondition[],
): Verdict {
  if (containersReady.status !== "True") return containersReady;
  const messages: string[] = [];
  for (const { conditionType } of pod.spec?.readinessGates ?? []) {
    const found = conditions.find((it) => it.type === conditionType);
    if (found === undefined) {
      messages.push(
        `corresponding condition of pod readiness gate "${conditionType}" does not exist.`,
      );
    } else if (found.status !== "True") {
      messages.push(
        `the status of pod readiness gate "${conditionType}" is not "True", but ${found.status}`,
      );
    }
  }
  if (messages.length === 0) return { status: "True" };
  return { status: "False", reason: "ReadinessGatesNotReady", message: messages.join(", ") };
}

/** Upstream prints Go slices: `[a b]`. */
function describe(unknown: readonly string[], others: readonly string[], what: string): string {
  const parts: string[] = [];
  if (unknown.length > 0) parts.push(`containers with unknown status: [${unknown.join(" ")}]`);
  if (others.length > 0) parts.push(`containers with ${what} status: [${others.join(" ")}]`);
  return parts.join(", ");
}
