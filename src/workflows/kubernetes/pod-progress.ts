import type { ContainerStatus, Pod } from "#api/gen/types.ts";

/** Why a container waits that will never start: those that Airflow counts as fatal. */
export const fatalWaitingReasons: readonly string[] = [
  "CreateContainerConfigError",
  "CreateContainerError",
  "ErrImageNeverPull",
  "ErrImagePull",
  "ImageInspectError",
  "ImagePullBackOff",
  "InvalidImageName",
];

/** How far a pod is that is to run to its end. */
export type PodProgress =
  | { readonly kind: "waiting"; readonly reason: string }
  | { readonly kind: "stuck"; readonly reason: string }
  | { readonly kind: "running" }
  | { readonly kind: "succeeded" }
  | { readonly kind: "failed"; readonly reason: string };

export function podProgress(pod: Pod): PodProgress {
  const phase = pod.status?.phase;
  if (phase === "Succeeded") return { kind: "succeeded" };
  if (phase === "Failed") return { kind: "failed", reason: failureOf(pod) };
  if (phase === "Running") return { kind: "running" };
  const stuck = stuckContainer(pod);
  if (stuck !== undefined) return { kind: "stuck", reason: stuck };
  return { kind: "waiting", reason: waitingReason(pod) };
}

function stuckContainer(pod: Pod): string | undefined {
  const waiting = statusesOf(pod).find((it) =>
    fatalWaitingReasons.includes(it.state?.waiting?.reason ?? ""),
  );
  if (waiting === undefined) return undefined;
  const { reason = "", message = "" } = waiting.state?.waiting ?? {};
  return `container ${waiting.name}, image ${waiting.image}: ${reason}: ${message}`;
}

/** In words; the scheduler's verdict where there is one. */
function waitingReason(pod: Pod): string {
  const unscheduled = pod.status?.conditions?.find(
    (it) => it.type === "PodScheduled" && it.status === "False",
  );
  if (unscheduled !== undefined) {
    return `${unscheduled.reason ?? "Unschedulable"}: ${unscheduled.message ?? ""}`;
  }
  const waiting = statusesOf(pod).flatMap((it) => it.state?.waiting?.reason ?? []);
  if (waiting.length > 0) return [...new Set(waiting)].join(", ");
  return pod.spec?.nodeName === undefined
    ? "no node has it yet"
    : "its containers have not started";
}

/** Why a pod failed: what its containers said, or who ended it. */
export function failureOf(pod: Pod): string {
  const { reason, message } = pod.status ?? {};
  const failed = statusesOf(pod).flatMap((it) => {
    const ended = it.state?.terminated;
    if (ended === undefined || ended.exitCode === 0) return [];
    const why = ended.reason === undefined || ended.reason === "Error" ? "" : ` (${ended.reason})`;
    const said = ended.message === undefined ? "" : `: ${ended.message.trim()}`;
    return [`container ${it.name} ended with exit code ${ended.exitCode}${why}${said}`];
  });
  const whole = reason === undefined ? [] : [`${reason}: ${message ?? ""}`];
  const all = [...whole, ...failed];
  return all.length === 0 ? "the pod failed" : all.join("; ");
}

function statusesOf(pod: Pod): readonly ContainerStatus[] {
  const { initContainerStatuses = [], containerStatuses = [] } = pod.status ?? {};
  return [...initContainerStatuses, ...containerStatuses];
}
