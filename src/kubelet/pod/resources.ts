import type { Container, Pod } from "#api/gen/types.ts";
import { findQuantity } from "#api/quantity.ts";
import type { LinuxResources } from "#cri/runtime.ts";
import { isSidecar } from "./containers.ts";
import { qosClass } from "./qos.ts";

/** Of the kernel and upstream's `pkg/kubelet/cm/helpers_linux.go`. */
const sharesPerCpu = 1024;
const sharesMin = 2;
const sharesMax = 262_144;
const quotaPeriodUs = 100_000;
const quotaMinUs = 1_000;

/** How willing the kernel is to kill a container (upstream: `pkg/kubelet/qos/policy.go`). */
const guaranteedOomScore = -997;
const bestEffortOomScore = 1000;

/** The cgroup settings of one container. `nodeMemoryBytes` is the node's capacity. */
export function containerResources(
  pod: Pod,
  container: Container,
  nodeMemoryBytes: number,
): LinuxResources {
  // A container without a limit of its own may use the whole pod's.
  const ofPod = { resources: pod.spec?.resources };
  const cpuLimit = milliAmount(container, "limits", "cpu") ?? milliAmount(ofPod, "limits", "cpu");
  const ownLimit = milliAmount(container, "limits", "cpu");
  const cpuRequest = milliAmount(container, "requests", "cpu") ?? ownLimit ?? 0;
  return {
    cpuPeriod: quotaPeriodUs,
    cpuQuota: cpuLimit === undefined || cpuLimit === 0 ? 0 : cpuQuotaUs(cpuLimit),
    cpuShares: cpuShares(cpuRequest),
    memoryLimitBytes: bytesOf(container, "limits") ?? bytesOf(ofPod, "limits") ?? 0,
    oomScoreAdj: oomScore(pod, container, nodeMemoryBytes),
  };
}

export function cpuShares(millis: number): number {
  if (millis === 0) return sharesMin;
  return Math.min(Math.max(Math.floor((millis * sharesPerCpu) / 1000), sharesMin), sharesMax);
}

/** Microseconds for each period; the kernel refuses less than a millisecond. */
export function cpuQuotaUs(millis: number): number {
  return Math.max(Math.floor((millis * quotaPeriodUs) / 1000), quotaMinUs);
}

function oomScore(pod: Pod, container: Container, nodeMemoryBytes: number): number {
  const qos = qosClass(pod);
  if (qos === "Guaranteed" || (pod.spec?.priority ?? 0) >= systemCritical) {
    return guaranteedOomScore;
  }
  if (qos === "BestEffort") return bestEffortOomScore;
  const request = bytesOf(container, "requests") ?? bytesOf(container, "limits") ?? 0;
  const score = 1000 - Math.floor((1000 * request) / nodeMemoryBytes);
  // Between the guaranteed and the best-effort, whatever is asked for.
  return Math.min(Math.max(score, 1000 + guaranteedOomScore), bestEffortOomScore - 1);
}

const systemCritical = 2_000_000_000;

function milliAmount(
  container: Pick<Container, "resources">,
  kind: "requests" | "limits",
  name: string,
): number | undefined {
  const text = container.resources?.[kind]?.[name];
  return text === undefined ? undefined : findQuantity(text)?.milliValue();
}

function bytesOf(
  container: Pick<Container, "resources">,
  kind: "requests" | "limits",
): number | undefined {
  const text = container.resources?.[kind]?.["memory"];
  return text === undefined ? undefined : findQuantity(text)?.value();
}

/** Amounts of one pod. Zero, or undefined for a limit, means none. */
export interface PodAmounts {
  readonly cpuMillis: number;
  readonly memoryBytes: number;
}

/**
 * What the pod asks of the node: the sum over its containers, or what its init containers need
 * at once where that is more; sidecars count with all that come after them.
 * Upstream: `k8s.io/component-helpers/resource/helpers.go`.
 */
export function podRequests(pod: Pod): PodAmounts {
  return { cpuMillis: podSum(pod, cpuOf), memoryBytes: podSum(pod, memoryOf) };
}

function cpuOf(container: Pick<Container, "resources">): number {
  return milliAmount(container, "requests", "cpu") ?? milliAmount(container, "limits", "cpu") ?? 0;
}

function memoryOf(container: Pick<Container, "resources">): number {
  return bytesOf(container, "requests") ?? bytesOf(container, "limits") ?? 0;
}

function podSum(pod: Pod, amountOf: (it: Pick<Container, "resources">) => number): number {
  let sidecars = 0;
  let initPeak = 0;
  for (const container of pod.spec?.initContainers ?? []) {
    const amount = amountOf(container);
    if (isSidecar(container)) sidecars += amount;
    initPeak = Math.max(initPeak, sidecars + (isSidecar(container) ? 0 : amount));
  }
  const regular = (pod.spec?.containers ?? []).reduce((sum, it) => sum + amountOf(it), 0);
  const own = Math.max(regular + sidecars, initPeak);
  const podLevel =
    pod.spec?.resources === undefined ? 0 : amountOf({ resources: pod.spec.resources });
  const overhead = amountOf({ resources: { requests: pod.spec?.overhead } });
  return (podLevel > 0 ? podLevel : own) + overhead;
}

/** Limits of the pod's cgroup; undefined where a container has none. */
export function podLimits(pod: Pod): Partial<PodAmounts> {
  const cpuMillis = podLimit(pod, "cpu", cpuOf);
  const memoryBytes = podLimit(pod, "memory", memoryOf);
  return {
    ...(cpuMillis === undefined ? {} : { cpuMillis }),
    ...(memoryBytes === undefined ? {} : { memoryBytes }),
  };
}

function podLimit(
  pod: Pod,
  name: string,
  amountOf: (it: Pick<Container, "resources">) => number,
): number | undefined {
  const own = podLimitAlone(pod, name, amountOf);
  if (own === undefined || own === 0) return own;
  return own + amountOf({ resources: { requests: pod.spec?.overhead } });
}

function podLimitAlone(
  pod: Pod,
  name: string,
  amountOf: (it: Pick<Container, "resources">) => number,
): number | undefined {
  const podLevel = pod.spec?.resources?.limits;
  if (podLevel?.[name] !== undefined) return amountOf({ resources: { requests: podLevel } });
  const parts = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])];
  if (parts.some((it) => it.resources?.limits?.[name] === undefined)) return undefined;
  return podSum(pod, (it) => amountOf({ resources: { requests: it.resources?.limits } }));
}
