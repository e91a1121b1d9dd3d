import type {
  ContainerState,
  ContainerStateTerminated,
  ContainerStatus as ApiContainerStatus,
} from "#api/gen/types.ts";
import { formatTime } from "#api/time.ts";
import type { ContainerStatus } from "#cri/runtime.ts";
import { instancesOf, type PodContainer } from "./containers.ts";
import { currentSandbox } from "./sandbox.ts";
import type { StatusInput } from "./status-input.ts";

/**
 * The status of each of `containers`, in their order.
 * Upstream: `pkg/kubelet/kubelet_pods.go`, convertToAPIContainerStatuses.
 */
export function containerStatuses(
  input: StatusInput,
  containers: readonly PodContainer[],
  previous: readonly ApiContainerStatus[],
): ApiContainerStatus[] {
  return containers.map((container) => {
    const { name } = container.spec;
    const old = previous.find((it) => it.name === name);
    const instances = instancesOf(input.observed.containers, name);
    const known = instances[0];
    const base =
      known === undefined
        ? withoutInstance(input, container, old)
        : fromInstance(input, container, { newest: known, before: instances[1], old });
    return withReadiness(input, container, withWaiting(input, container, base), known);
  });
}

interface Instances {
  readonly newest: ContainerStatus;
  readonly before: ContainerStatus | undefined;
  readonly old: ApiContainerStatus | undefined;
}

function fromInstance(
  input: StatusInput,
  container: PodContainer,
  { newest, before, old }: Instances,
): ApiContainerStatus {
  const containerID = `${input.runtimeName}://${newest.id}`;
  return {
    ...fixedFields(container),
    image: newest.image,
    imageID: newest.imageId,
    containerID,
    restartCount: Math.max(newest.metadata.attempt, old?.restartCount ?? 0),
    state: stateOf(input, container, newest, old),
    lastState: lastStateOf(input, before, old, containerID),
    ready: false,
    ...resourceFields(input, container, newest),
  };
}

function stateOf(
  input: StatusInput,
  container: PodContainer,
  instance: ContainerStatus,
  old: ApiContainerStatus | undefined,
): ContainerState {
  switch (instance.state) {
    case "running":
      return { running: { startedAt: formatTime(instance.startedAtMs) } };
    case "exited":
      return { terminated: terminated(input, instance) };
    case "created":
      return { waiting: { reason: waitingReason(input, container) } };
    case "unknown":
      if (old?.state?.running === undefined) {
        return { waiting: { reason: waitingReason(input, container) } };
      }
      return {
        terminated: {
          reason: "ContainerStatusUnknown",
          message: "The container could not be located when the pod was terminated",
          exitCode: 137,
        },
      };
  }
}

/** The reason `OOMKilled` is believed only with 137: siblings and parents get it by mistake. */
function terminated(input: StatusInput, instance: ContainerStatus): ContainerStateTerminated {
  const { reason, exitCode, message } = instance;
  const isMistaken = reason === "OOMKilled" && exitCode !== 137;
  const fallback = exitCode === 0 ? "Completed" : "Error";
  return {
    exitCode,
    reason: reason === "" || isMistaken ? fallback : reason,
    ...(message === "" ? {} : { message: bounded(message, input) }),
    startedAt: formatTime(Math.max(instance.startedAtMs, 0)),
    finishedAt: formatTime(instance.finishedAtMs),
    containerID: `${input.runtimeName}://${instance.id}`,
  };
}

/** All messages of a pod together have a bound, so that its object stays small (upstream: 12 KiB). */
const messageBytesMax = 12 * 1024;

function bounded(message: string, { pod }: StatusInput): string {
  const { containers = [], initContainers = [], ephemeralContainers = [] } = pod.spec ?? {};
  const count = containers.length + initContainers.length + ephemeralContainers.length;
  const bytesMax = Math.floor(messageBytesMax / Math.max(count, 1));
  const bytes = Buffer.from(message);
  return bytes.length <= bytesMax ? message : bytes.toString("utf8", 0, bytesMax);
}

function lastStateOf(
  input: StatusInput,
  before: ContainerStatus | undefined,
  old: ApiContainerStatus | undefined,
  containerId: string,
): ContainerState {
  if (before?.state === "exited") return { terminated: terminated(input, before) };
  if (old === undefined) return {};
  const ended = old.state?.terminated;
  if (ended !== undefined && old.containerID !== containerId) return { terminated: ended };
  return old.lastState ?? {};
}

/** The runtime knows no instance: not begun yet, or lost. */
function withoutInstance(
  input: StatusInput,
  container: PodContainer,
  old: ApiContainerStatus | undefined,
): ApiContainerStatus {
  if (old?.state?.terminated !== undefined) return old;
  const { restartCount = 0, lastState = {} }: Partial<ApiContainerStatus> = old ?? {};
  const { image = "" } = container.spec;
  const base = {
    ...fixedFields(container),
    image,
    imageID: "",
    ready: false,
    restartCount,
    lastState,
  };
  if (container.role === "init" && hasRegularInstance(input)) {
    // Only a pod whose init containers succeeded has come this far.
    const message =
      "Unable to get init container status from container runtime and pod has been initialized, " +
      "treat it as exited normally";
    return { ...base, state: { terminated: { reason: "Completed", message, exitCode: 0 } } };
  }
  const state = { waiting: { reason: waitingReason(input, container) } };
  if (old?.state?.running === undefined) return { ...base, state };
  const isDeleted = input.pod.metadata?.deletionTimestamp !== undefined;
  return {
    ...base,
    state,
    lastState: { terminated: lostState },
    restartCount: base.restartCount + (isDeleted ? 0 : 1),
  };
}

/** It ran when last seen, and the runtime has forgotten it. */
const lostState: ContainerStateTerminated = {
  reason: "ContainerStatusUnknown",
  message:
    "The container could not be located when the pod was deleted.  " +
    "The container used to be Running",
  exitCode: 137,
};

function hasRegularInstance(input: StatusInput): boolean {
  const names = new Set(input.pod.spec?.containers.map((it) => it.name) ?? []);
  const sandbox = currentSandbox(input.pod, input.observed.sandboxes);
  return input.observed.containers.some(
    (it) => names.has(it.metadata.name) && it.sandboxId === sandbox?.id,
  );
}

function waitingReason(input: StatusInput, container: PodContainer): string {
  const hasInit = (input.pod.spec?.initContainers ?? []).length > 0;
  return hasInit && container.role !== "ephemeral" ? "PodInitializing" : "ContainerCreating";
}

function fixedFields({
  spec,
  role,
}: PodContainer): Pick<ApiContainerStatus, "name" | "volumeMounts"> {
  const mounts = spec.volumeMounts ?? [];
  if (mounts.length === 0 || role === "ephemeral") return { name: spec.name };
  const volumeMounts = mounts.map((it) => ({
    name: it.name,
    mountPath: it.mountPath,
    ...(it.readOnly === true ? { readOnly: true, recursiveReadOnly: "Disabled" } : {}),
  }));
  return { name: spec.name, volumeMounts };
}

/** What it was granted, and what it runs with: they differ while a resize is on its way. */
function resourceFields(
  { actuated }: StatusInput,
  { spec }: PodContainer,
  instance: ContainerStatus,
): Partial<ApiContainerStatus> {
  const granted = spec.resources ?? {};
  const actual = instance.state === "running" ? actuated.containers.get(instance.id) : undefined;
  return {
    ...(granted.requests === undefined ? {} : { allocatedResources: granted.requests }),
    resources: actual ?? granted,
  };
}

/** A container that should run and does not says why, and keeps its end as the last state. */
function withWaiting(
  input: StatusInput,
  container: PodContainer,
  status: ApiContainerStatus,
): ApiContainerStatus {
  const waiting = input.waiting.get(container.spec.name);
  if (waiting === undefined || input.stopping || status.state?.running !== undefined) return status;
  const { reason, message } = waiting;
  const ended = status.state?.terminated;
  return {
    ...status,
    state: { waiting: { reason, ...(message === "" ? {} : { message }) } },
    lastState: ended === undefined ? (status.lastState ?? {}) : { terminated: ended },
  };
}

/** Started once the startup probe says so; ready once the readiness probe does too. */
function withReadiness(
  input: StatusInput,
  { role }: PodContainer,
  status: ApiContainerStatus,
  instance: ContainerStatus | undefined,
): ApiContainerStatus {
  if (role === "ephemeral") return status;
  const probes = instance === undefined ? undefined : input.probes.get(instance.id);
  const isRunning = status.state?.running !== undefined;
  const started = isRunning && (probes?.startup === undefined || probes.startup === "success");
  const passed = probes?.readiness === undefined || probes.readiness === "success";
  const ready = role === "init" ? status.state?.terminated?.exitCode === 0 : started && passed;
  return { ...status, started, ready };
}
