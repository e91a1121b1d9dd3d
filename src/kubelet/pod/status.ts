import type { ContainerStatus, PodIP, PodStatus } from "#api/gen/types.ts";
import { formatTime } from "#api/time.ts";
import { podConditions } from "./conditions.ts";
import { containerStatuses } from "./container-status.ts";
import { ephemeralContainersOf, initContainersOf, regularContainersOf } from "./containers.ts";
import { isTerminal, podPhase, type Phase } from "./phase.ts";
import { qosClass } from "./qos.ts";
import { noResize } from "./resize.ts";
import { currentSandbox } from "./sandbox.ts";
import { isQuiet, type StatusInput } from "./status-input.ts";

/**
 * The whole status of a pod as the API shows it. Pure.
 * Upstream: `pkg/kubelet/kubelet_pods.go`, generateAPIPodStatus.
 */
export function podStatus(input: StatusInput): PodStatus {
  const { pod, previous } = input;
  const regular = containerStatuses(
    input,
    regularContainersOf(pod),
    previous.containerStatuses ?? [],
  );
  const init = containerStatuses(
    input,
    initContainersOf(pod),
    previous.initContainerStatuses ?? [],
  );
  const ephemeral = containerStatuses(
    input,
    ephemeralContainersOf(pod),
    previous.ephemeralContainerStatuses ?? [],
  );
  const statuses = [...init, ...regular];
  const over = input.stopping && isQuiet(input);
  const { phase, reason, message } = phaseOf(input, podPhase(pod, statuses, over), over);
  const conditions = podConditions({
    pod,
    previous: previous.conditions ?? [],
    statuses,
    phase,
    disruption: disruptionOf(input),
    hasSandbox: currentSandbox(pod, input.observed.sandboxes) !== undefined,
    // A pod that ends is not resized any more.
    resize: phase === "Succeeded" || phase === "Failed" ? noResize : input.resize,
    nowMs: input.nowMs,
  });
  const { generation } = pod.metadata ?? {};
  return {
    ...keptFields(previous),
    phase,
    ...(reason === undefined ? {} : { reason }),
    ...(message === undefined ? {} : { message }),
    conditions,
    ...addresses(input),
    startTime: previous.startTime ?? formatTime(input.nowMs),
    qosClass: qosClass(pod),
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    ...podResources(input),
    ...(isRejected(input) ? {} : statusLists(regular, init, ephemeral)),
  };
}

function disruptionOf({ verdict }: StatusInput): string | undefined {
  return verdict?.isDisruption === true ? verdict.message : undefined;
}

/** It never began here, and an agent that has restarted since knows that from the API alone. */
function isRejected({ verdict, previous }: StatusInput): boolean {
  return (
    verdict?.isRejection === true ||
    (previous.phase === "Failed" && previous.containerStatuses === undefined)
  );
}

function statusLists(
  regular: ContainerStatus[],
  init: ContainerStatus[],
  ephemeral: ContainerStatus[],
): PodStatus {
  return {
    containerStatuses: regular,
    ...(init.length === 0 ? {} : { initContainerStatuses: init }),
    ...(ephemeral.length === 0 ? {} : { ephemeralContainerStatuses: ephemeral }),
  };
}

/** Of a pod that has resources of its own beside those of its containers. */
function podResources({ pod, actuated }: StatusInput): PodStatus {
  const { resources } = pod.spec ?? {};
  if (resources === undefined) return {};
  const actual = actuated.pod ?? resources;
  const { requests } = resources;
  return {
    resources: actual,
    ...(requests === undefined ? {} : { allocatedResources: requests }),
  };
}

/** Fields that others write. */
function keptFields(previous: PodStatus): PodStatus {
  const { nominatedNodeName, resourceClaimStatuses, resize } = previous;
  return {
    ...(nominatedNodeName === undefined ? {} : { nominatedNodeName }),
    ...(resourceClaimStatuses === undefined ? {} : { resourceClaimStatuses }),
    ...(resize === undefined ? {} : { resize }),
  };
}

interface PhaseAndReason {
  readonly phase: Phase;
  readonly reason?: string | undefined;
  readonly message?: string | undefined;
}

/** A phase never leaves Succeeded or Failed, and comes there only when nothing runs any more. */
function phaseOf(input: StatusInput, computed: Phase, over: boolean): PhaseAndReason {
  const { previous, verdict } = input;
  const { reason, message } = previous;
  const old = asPhase(previous.phase);
  if (isTerminal(old)) return { phase: old, reason, message };
  if (verdict !== undefined && over) {
    return { phase: "Failed", reason: verdict.reason, message: verdict.message };
  }
  if (isTerminal(computed) && !isQuiet(input)) return { phase: old ?? "Pending", reason, message };
  // A pod that ran does not go back to waiting for its first start.
  const phase = computed === "Pending" && old === "Running" && over ? "Failed" : computed;
  return phase === old ? { phase, reason, message } : { phase };
}

function asPhase(text: string | undefined): Phase | undefined {
  if (text === "Pending" || text === "Running" || text === "Succeeded" || text === "Failed") {
    return text;
  }
  return undefined;
}

function addresses(input: StatusInput): PodStatus {
  const { pod, hostIps, previous } = input;
  const host =
    hostIps[0] === undefined ? {} : { hostIP: hostIps[0], hostIPs: hostIps.map((ip) => ({ ip })) };
  const podIPs = podAddresses(input);
  if (pod.spec?.hostNetwork === true && podIPs.length === 0) {
    const kept = previous.podIPs ?? hostIps.map((ip) => ({ ip }));
    return { ...host, ...ipFields(kept) };
  }
  return { ...host, ...ipFields(podIPs) };
}

/** A pod that ends keeps showing the address it had. */
function podAddresses(input: StatusInput): readonly PodIP[] {
  const sandbox = currentSandbox(input.pod, input.observed.sandboxes);
  const ips = sandbox?.ips ?? [];
  if (ips.length > 0) return ips.map((ip) => ({ ip }));
  return input.stopping ? (input.previous.podIPs ?? []) : [];
}

function ipFields(podIPs: readonly PodIP[]): PodStatus {
  return podIPs[0] === undefined ? {} : { podIP: podIPs[0].ip, podIPs };
}
