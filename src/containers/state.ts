import type { ContainerStateTerminated, ContainerStatus, Pod } from "#api/gen/types.ts";
import { parseTime } from "#api/time.ts";
import { formatAge, formatSpan } from "#base/docker-format.ts";
import { isPaused, userAnnotationPrefix } from "./labels.ts";

/** Exit codes of Docker's client: its own failure; a command that cannot be run; one that is not. */
export const failedCode = 125;
export const notExecutableCode = 126;
export const notFoundCode = 127;

/** How far a container is. */
export type ContainerState =
  | { readonly kind: "created"; readonly reason: string }
  | { readonly kind: "running"; readonly startedAt: string }
  | { readonly kind: "restarting"; readonly code: number; readonly finishedAt: string }
  | { readonly kind: "exited"; readonly code: number; readonly finishedAt: string }
  /** Its process could not be started. */
  | { readonly kind: "failed"; readonly code: number; readonly message: string };

export function containerStateOf(pod: Pod): ContainerState {
  const [status] = pod.status?.containerStatuses ?? [];
  const { terminated, running, waiting } = status?.state ?? {};
  if (running !== undefined) return { kind: "running", startedAt: running.startedAt ?? "" };
  const last = terminated ?? status?.lastState?.terminated;
  if (last === undefined) return unstarted(pod, waiting?.reason ?? "");
  return endOf(last, hasEnded(pod) || pod.spec?.restartPolicy === "Never");
}

function unstarted(pod: Pod, reason: string): ContainerState {
  if (!hasEnded(pod)) return { kind: "created", reason };
  return { kind: "exited", code: unknownCode, finishedAt: pod.metadata?.creationTimestamp ?? "" };
}

/** Of a container that ended where nobody saw it, such as one that was stopped before it began. */
const unknownCode = 137;

function endOf(last: ContainerStateTerminated, isForGood: boolean): ContainerState {
  const { exitCode: code, finishedAt = "", reason = "", message = reason } = last;
  if (reason === "StartError" || reason === "ContainerCannotRun") {
    return { kind: "failed", code: startCode(message), message };
  }
  return { kind: isForGood ? "exited" : "restarting", code, finishedAt };
}

/** Nothing of the pod will run any more. */
export function hasEnded(pod: Pod): boolean {
  return ["Succeeded", "Failed"].includes(pod.status?.phase ?? "");
}

/** Docker's code for what the runtime said. */
export function startCode(message: string): number {
  if (/executable file not found|no such file or directory/.test(message)) return notFoundCode;
  if (/permission denied|is a directory|exec format error/.test(message)) return notExecutableCode;
  return failedCode;
}

/** Why a container does not get to its start; undefined while it may. */
export function startFault(pod: Pod): string | undefined {
  const unscheduled = pod.status?.conditions?.find(
    (it) => it.type === "PodScheduled" && it.status === "False" && it.reason === "Unschedulable",
  );
  if (unscheduled?.message?.includes("free ports") === true) {
    return portFault(pod);
  }
  const { reason = "", message = "" } = pod.status?.containerStatuses?.[0]?.state?.waiting ?? {};
  if (!hopeless.includes(reason)) return refusalOf(pod);
  return userFault(pod, message) ?? `${reason}: ${message}`;
}

/** A node has taken a look at it, and will not have it. */
function refusalOf({ status = {} }: Pod): string | undefined {
  const { phase, containerStatuses = [], reason = "", message = "" } = status;
  const isRefused = phase === "Failed" && containerStatuses.length === 0 && reason !== "";
  return isRefused ? `${reason}: ${message}` : undefined;
}

/** containerd says just that there is no such user, and where it has looked. */
export function userFault(pod: Pod, message: string): string | undefined {
  const [, what] = /no (user|group)s found$/.exec(message) ?? [];
  const name = pod.spec?.containers[0]?.name ?? "";
  const user = pod.metadata?.annotations?.[`${userAnnotationPrefix}${name}`];
  if (what === undefined || user === undefined) return undefined;
  const file = what === "user" ? "passwd" : "group";
  return `unable to find ${what} ${user}: no matching entries in ${file} file`;
}

const hopeless = [
  "ErrImagePull",
  "ImagePullBackOff",
  "ErrImageNeverPull",
  "InvalidImageName",
  "ImageInspectError",
  "CreateContainerConfigError",
  "CreateContainerError",
  "RunContainerError",
];

function portFault(pod: Pod): string {
  const ports = (pod.spec?.containers[0]?.ports ?? [])
    .filter((it) => it.hostPort !== undefined)
    .map((it) => `${it.hostIP ?? "0.0.0.0"}:${it.hostPort ?? ""}/${it.protocol ?? "TCP"}`);
  return `Bind for ${ports.join(", ")} failed: port is already allocated`;
}

/** Why the scheduler finds no node; undefined while it has not said so. */
export function schedulingNote(pod: Pod): string | undefined {
  const condition = pod.status?.conditions?.find((it) => it.type === "PodScheduled");
  return condition?.status === "False" ? condition.message : undefined;
}

/** As `ps` shows it: `Up 5 minutes (healthy)`, `Exited (0) 2 hours ago`. */
export function statusText(pod: Pod, now: number): string {
  const state = containerStateOf(pod);
  const since = (time: string): number => Math.max(0, now - (parseTime(time) ?? now));
  switch (state.kind) {
    case "running":
      return `Up ${formatSpan(since(state.startedAt))}${isPaused(pod) ? " (Paused)" : healthText(pod)}`;
    case "exited":
      return `Exited (${state.code}) ${formatAge(since(state.finishedAt))}`;
    case "restarting":
      return `Restarting (${state.code}) ${formatAge(since(state.finishedAt))}`;
    case "created":
      return state.reason === "" || state.reason === "ContainerCreating"
        ? "Created"
        : `Created (${state.reason})`;
    case "failed":
      return `Created (${state.code})`;
  }
}

/** `healthy`, `unhealthy`, `starting`; undefined without a health check. */
export function healthState(pod: Pod): "healthy" | "unhealthy" | "starting" | undefined {
  if (pod.spec?.containers[0]?.readinessProbe === undefined) return undefined;
  const status: ContainerStatus | undefined = pod.status?.containerStatuses?.[0];
  if (status?.started !== true) return "starting";
  return status.ready ? "healthy" : "unhealthy";
}

function healthText(pod: Pod): string {
  const health = healthState(pod);
  if (health === undefined) return "";
  return health === "starting" ? " (health: starting)" : ` (${health})`;
}
