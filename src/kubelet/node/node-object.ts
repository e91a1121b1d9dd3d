import type { Node, NodeCondition, NodeStatus } from "#api/gen/types.ts";
import { quantityOf } from "#api/quantity.ts";
import { formatTime } from "#api/time.ts";
import type { ImageStatus } from "#cri/runtime.ts";
import type { Pressure } from "#kubelet/eviction/plan.ts";

/** The machine that the node is, or pretends to be. */
export interface MachineFacts {
  readonly cpuCount: number;
  readonly memoryBytes: number;
  readonly memoryAvailableBytes: number;
  readonly diskBytes: number;
  readonly diskAvailableBytes: number;
  readonly processes: number;
  readonly processesMax: number;
  readonly machineId: string;
  readonly systemUuid: string;
  readonly bootId: string;
  readonly kernelVersion: string;
  readonly osImage: string;
  readonly operatingSystem: string;
  /** As Go names it: `amd64`, `arm64`. */
  readonly architecture: string;
}

export interface NodeIdentity {
  readonly name: string;
  readonly addresses: readonly string[];
  /** Beside those that every node has. */
  readonly labels: Readonly<Record<string, string>>;
  readonly podsMax: number;
  /** Port of the agent's own HTTPS server; 0 for none. */
  readonly port: number;
  /** `v1.36.0`. */
  readonly version: string;
  /** `containerd://1.6.20`. */
  readonly runtimeVersion: string;
}

export interface NodeHealth {
  /** Shortages; undefined: they are read off the machine. */
  readonly pressures: ReadonlySet<Pressure> | undefined;
  /** Empty when all is well. */
  readonly problems: readonly string[];
}

/** Upstream's hard eviction thresholds: kept free, and the mark of pressure. */
const memoryReserveBytes = 100 * 1024 * 1024;
const diskReserveShare = 0.1;
const processesReserveShare = 0.05;
const imagesMax = 50;

export function nodeLabels(
  { name, labels }: NodeIdentity,
  machine: MachineFacts,
): Record<string, string> {
  return {
    "beta.kubernetes.io/arch": machine.architecture,
    "beta.kubernetes.io/os": machine.operatingSystem,
    "kubernetes.io/arch": machine.architecture,
    "kubernetes.io/hostname": name,
    "kubernetes.io/os": machine.operatingSystem,
    ...labels,
  };
}

export function capacityOf(
  { podsMax }: NodeIdentity,
  machine: MachineFacts,
): Record<string, string> {
  return {
    cpu: String(machine.cpuCount),
    "ephemeral-storage": kibibytes(machine.diskBytes),
    "hugepages-1Gi": "0",
    "hugepages-2Mi": "0",
    memory: kibibytes(machine.memoryBytes),
    pods: String(podsMax),
  };
}

export function allocatableOf(
  identity: NodeIdentity,
  machine: MachineFacts,
): Record<string, string> {
  return {
    ...capacityOf(identity, machine),
    "ephemeral-storage": String(Math.floor(machine.diskBytes * (1 - diskReserveShare))),
    memory: kibibytes(Math.max(machine.memoryBytes - memoryReserveBytes, 0)),
  };
}

function kibibytes(bytes: number): string {
  return quantityOf(Math.floor(bytes / 1024) * 1024, "BinarySI").toString();
}

/** The node's status; times of conditions are kept from `previous` where nothing changed. */
export function nodeStatus(input: {
  readonly identity: NodeIdentity;
  readonly machine: MachineFacts;
  readonly health: NodeHealth;
  readonly images: readonly ImageStatus[];
  readonly previous: readonly NodeCondition[];
  readonly nowMs: number;
}): NodeStatus {
  const { identity, machine, images } = input;
  return {
    addresses: [
      ...identity.addresses.map((address) => ({ type: "InternalIP", address })),
      { type: "Hostname", address: identity.name },
    ],
    capacity: capacityOf(identity, machine),
    allocatable: allocatableOf(identity, machine),
    conditions: conditionsOf(input),
    ...(identity.port === 0
      ? {}
      : { daemonEndpoints: { kubeletEndpoint: { Port: identity.port } } }),
    nodeInfo: {
      architecture: machine.architecture,
      bootID: machine.bootId,
      containerRuntimeVersion: identity.runtimeVersion,
      kernelVersion: machine.kernelVersion,
      kubeProxyVersion: "",
      kubeletVersion: identity.version,
      machineID: machine.machineId,
      operatingSystem: machine.operatingSystem,
      osImage: machine.osImage,
      systemUUID: machine.systemUuid,
    },
    images: [...images]
      .sort((left, right) => right.sizeBytes - left.sizeBytes)
      .slice(0, imagesMax)
      .map((it) => ({ names: [...it.digests, ...it.tags], sizeBytes: it.sizeBytes })),
  };
}

type Judgement = readonly [type: string, isTrue: boolean, reason: string, message: string];

function conditionsOf(input: {
  readonly machine: MachineFacts;
  readonly health: NodeHealth;
  readonly previous: readonly NodeCondition[];
  readonly nowMs: number;
}): NodeCondition[] {
  const { previous, nowMs } = input;
  return judgements(input.machine, input.health).map(([type, isTrue, reason, message]) => {
    const status = isTrue ? "True" : "False";
    const old = previous.find((it) => it.type === type);
    const now = formatTime(nowMs);
    const lastTransitionTime = old?.status === status ? (old.lastTransitionTime ?? now) : now;
    return { type, status, reason, message, lastHeartbeatTime: now, lastTransitionTime };
  });
}

/** For nodes that evict nobody. */
function pressuresOf(machine: MachineFacts): ReadonlySet<Pressure> {
  const pressures = new Set<Pressure>();
  if (machine.memoryAvailableBytes < memoryReserveBytes) pressures.add("MemoryPressure");
  if (machine.diskAvailableBytes < machine.diskBytes * diskReserveShare) {
    pressures.add("DiskPressure");
  }
  const processesLeft = machine.processesMax - machine.processes;
  if (processesLeft < machine.processesMax * processesReserveShare) pressures.add("PIDPressure");
  return pressures;
}

function judgements(machine: MachineFacts, health: NodeHealth): readonly Judgement[] {
  const { problems, pressures = pressuresOf(machine) } = health;
  const lowMemory = pressures.has("MemoryPressure");
  const lowDisk = pressures.has("DiskPressure");
  const lowProcesses = pressures.has("PIDPressure");
  const isReady = problems.length === 0;
  return [
    lowMemory
      ? [
          "MemoryPressure",
          true,
          "KubeletHasInsufficientMemory",
          "kubelet has insufficient memory available",
        ]
      : [
          "MemoryPressure",
          false,
          "KubeletHasSufficientMemory",
          "kubelet has sufficient memory available",
        ],
    lowDisk
      ? ["DiskPressure", true, "KubeletHasDiskPressure", "kubelet has disk pressure"]
      : ["DiskPressure", false, "KubeletHasNoDiskPressure", "kubelet has no disk pressure"],
    lowProcesses
      ? ["PIDPressure", true, "KubeletHasInsufficientPID", "kubelet has insufficient PID available"]
      : ["PIDPressure", false, "KubeletHasSufficientPID", "kubelet has sufficient PID available"],
    isReady
      ? ["Ready", true, "KubeletReady", "kubelet is posting ready status"]
      : ["Ready", false, "KubeletNotReady", problems.join(", ")],
  ];
}

/** The node as it registers itself. */
export function nodeObject(
  identity: NodeIdentity,
  machine: MachineFacts,
  status: NodeStatus,
): Node {
  return {
    metadata: {
      name: identity.name,
      labels: nodeLabels(identity, machine),
      annotations: { "volumes.kubernetes.io/controller-managed-attach-detach": "true" },
    },
    spec: {},
    status,
  };
}
