import type { Container, ContainerState, ContainerStatus, Pod, PodStatus } from "#api/gen/types.ts";
import {
  ageColumn,
  ageOf,
  ageSince,
  column,
  nameColumn,
  nameOf,
  orNone,
  wideColumn,
} from "#api/rules/columns.ts";
import type { Loose, Printer } from "#api/rules/rules.ts";

/** The columns of `kubectl get pods`. Upstream: `printPod`. */
export const podPrinter: Printer<Pod> = {
  columns: [
    nameColumn,
    column("Ready", "The aggregate readiness state of this pod for accepting traffic."),
    column("Status", "The aggregate status of the containers in this pod."),
    column("Restarts", "How often the containers of this pod were restarted, and when last."),
    ageColumn,
    wideColumn("IP", "Address of the pod in the cluster."),
    wideColumn("Node", "Node that the pod runs on."),
    wideColumn("Nominated Node", "Node that is being made free for the pod."),
    wideColumn("Readiness Gates", "Conditions besides readiness, and how many are true."),
  ],
  cells: (pod, nowMs) => {
    const summary = summarize(pod);
    return [
      nameOf(pod),
      `${summary.ready}/${summary.total}`,
      summary.reason,
      formatRestarts(summary, nowMs),
      ageOf(pod, nowMs),
      orNone(pod.status?.podIPs?.[0]?.ip ?? pod.status?.podIP),
      orNone(pod.spec?.nodeName),
      orNone(pod.status?.nominatedNodeName),
      formatGates(pod),
    ];
  },
};

interface Summary {
  reason: string;
  ready: number;
  total: number;
  restarts: number;
  /** RFC 3339 of the latest restart, empty for none. */
  lastRestart: string;
}

type Statuses = readonly Loose<ContainerStatus>[];

function summarize(pod: Loose<Pod>): Summary {
  const status = pod.status ?? {};
  const sidecars = sidecarNames(pod.spec?.initContainers);
  const summary: Summary = {
    reason: initialReason(status),
    ready: 0,
    total: (pod.spec?.containers ?? []).length + (sidecars?.size ?? 0),
    restarts: 0,
    lastRestart: "",
  };
  const sidecarRestarts = { restarts: 0, lastRestart: "" };
  const isInitializing = summarizeInit(pod, sidecars, summary, sidecarRestarts);
  if (!isInitializing || isConditionTrue(status, "Initialized")) {
    summary.restarts = sidecarRestarts.restarts;
    summary.lastRestart = sidecarRestarts.lastRestart;
    summarizeContainers(status, summary);
  }
  if (pod.metadata?.deletionTimestamp !== undefined) {
    const isEnded = status.phase === "Failed" || status.phase === "Succeeded";
    if (status.reason === "NodeLost") summary.reason = "Unknown";
    else if (!isEnded) summary.reason = "Terminating";
  }
  return summary;
}

function initialReason(status: Loose<PodStatus>): string {
  const isGated = (status.conditions ?? []).some(
    (it) => it.type === "PodScheduled" && it.reason === "SchedulingGated",
  );
  if (isGated) return "SchedulingGated";
  const reason = status.reason ?? "";
  return reason === "" ? (status.phase ?? "") : reason;
}

function sidecarNames(
  containers: readonly Loose<Container>[] | undefined,
): Set<string> | undefined {
  if (containers === undefined) return undefined;
  const names = containers.filter((it) => it.restartPolicy === "Always").map((it) => it.name ?? "");
  return new Set(names);
}

/** Returns whether an init container is still to end or has failed. */
function summarizeInit(
  pod: Loose<Pod>,
  sidecars: ReadonlySet<string> | undefined,
  summary: Summary,
  sidecarRestarts: Pick<Summary, "restarts" | "lastRestart">,
): boolean {
  const statuses = pod.status?.initContainerStatuses;
  if (statuses === undefined) return false;
  const count = (pod.spec?.initContainers ?? []).length;
  for (const [i, it] of statuses.entries()) {
    const isSidecar = sidecars?.has(it.name ?? "") === true;
    countRestarts(it, summary);
    if (isSidecar) countRestarts(it, sidecarRestarts);
    const state = it.state ?? {};
    if (state.terminated?.exitCode === 0) continue;
    if (!isSidecar || it.started !== true) {
      summary.reason = initReason(state, i, count);
      return true;
    }
    if (it.ready === true) summary.ready++;
  }
  return false;
}

function initReason(state: Loose<ContainerState>, i: number, count: number): string {
  if (state.terminated !== undefined) return `Init:${endReason(state.terminated)}`;
  const waiting = state.waiting?.reason ?? "";
  return waiting === "" || waiting === "PodInitializing" ? `Init:${i}/${count}` : `Init:${waiting}`;
}

function endReason(ended: NonNullable<Loose<ContainerState>["terminated"]>): string {
  if ((ended.reason ?? "") !== "") return ended.reason ?? "";
  return (ended.signal ?? 0) === 0
    ? `ExitCode:${ended.exitCode ?? 0}`
    : `Signal:${ended.signal ?? 0}`;
}

function summarizeContainers(status: Loose<PodStatus>, summary: Summary): void {
  let hasRunning = false;
  let error = "";
  const statuses: Statuses = status.containerStatuses ?? [];
  // From the last to the first, so that the first container's reason is the one that stays.
  for (let i = statuses.length - 1; i >= 0; i--) {
    const it = statuses[i] ?? {};
    countRestarts(it, summary);
    const ended = it.state?.terminated;
    const waiting = it.state?.waiting?.reason ?? "";
    if (waiting !== "") {
      summary.reason = waiting;
    } else if (ended !== undefined) {
      summary.reason = endReason(ended);
      if (ended.exitCode !== 0) error = summary.reason;
    } else if (isRunning(it)) {
      hasRunning = true;
      summary.ready++;
    }
  }
  if (summary.reason === "Completed") {
    summary.reason = reasonAfterCompletion(status, hasRunning, error);
  }
}

function isRunning(status: Loose<ContainerStatus>): boolean {
  return status.ready === true && status.state?.running !== undefined;
}

/** A pod with a container that still runs is not completed. */
function reasonAfterCompletion(
  status: Loose<PodStatus>,
  hasRunning: boolean,
  error: string,
): string {
  if (hasRunning && isConditionTrue(status, "Ready")) return "Running";
  if (error !== "") return error;
  return hasRunning ? "NotReady" : "Completed";
}

function countRestarts(
  status: Loose<ContainerStatus>,
  into: Pick<Summary, "restarts" | "lastRestart">,
): void {
  into.restarts += status.restartCount ?? 0;
  const ended = status.lastState?.terminated?.finishedAt ?? "";
  // RFC 3339 in UTC with whole seconds sorts as text.
  if (ended > into.lastRestart) into.lastRestart = ended;
}

function formatRestarts(summary: Summary, nowMs: number): string {
  if (summary.restarts === 0 || summary.lastRestart === "") return String(summary.restarts);
  return `${summary.restarts} (${ageSince(summary.lastRestart, nowMs)} ago)`;
}

function formatGates(pod: Loose<Pod>): string {
  const gates = pod.spec?.readinessGates ?? [];
  if (gates.length === 0) return "<none>";
  const met = gates.filter((it) => isConditionTrue(pod.status ?? {}, it.conditionType ?? ""));
  return `${met.length}/${gates.length}`;
}

function isConditionTrue(status: Loose<PodStatus>, type: string): boolean {
  return (status.conditions ?? []).find((it) => it.type === type)?.status === "True";
}
