import type { Job, Pod } from "#api/gen/types.ts";
import { userFault } from "#containers/state.ts";
import type { Dependency } from "#compose/project/model.ts";

/** How far the pods of a service are. */
export interface Readiness {
  readonly started: number;
  readonly ready: number;
}

export function readinessOf(pods: readonly Pod[]): Readiness {
  const staying = pods.filter((it) => it.metadata?.deletionTimestamp === undefined);
  const isReady = (pod: Pod): boolean =>
    pod.status?.conditions?.some((it) => it.type === "Ready" && it.status === "True") === true;
  const hasStarted = (pod: Pod): boolean =>
    ["Running", "Succeeded", "Failed"].includes(pod.status?.phase ?? "");
  return {
    started: staying.filter(hasStarted).length,
    ready: staying.filter(isReady).length,
  };
}

/** Whether the pods fulfil what a dependency waits for, of `replicas` of them. */
export function isFulfilled(
  condition: Dependency["condition"],
  pods: readonly Pod[],
  replicas: number,
): boolean {
  const { started, ready } = readinessOf(pods);
  return condition === "service_healthy" ? ready >= replicas : started >= replicas;
}

/**
 * Whether a pod has ended and another has taken its place: one that its node has refused, since the
 * pod before it still held a port, stays in the cluster for a while.
 */
export function isReplaced({ metadata, status }: Pod): boolean {
  const hasEndedForGood = ["Succeeded", "Failed"].includes(status?.phase ?? "");
  const owners = metadata?.ownerReferences ?? [];
  return hasEndedForGood && owners.some((it) => ["ReplicaSet", "DaemonSet"].includes(it.kind));
}

/** Whether a Job will not run any further, well or not. */
export function hasEnded(job: Job): boolean {
  return hasCondition(job, "Complete") || hasCondition(job, "Failed");
}

/** Of a Job that has ended. @throws {Error} when it has failed, with the exit code of its pods. */
export function checkSucceeded(name: string, job: Job, pods: readonly Pod[]): void {
  if (!hasCondition(job, "Failed")) return;
  const code = pods
    .flatMap((it) => it.status?.containerStatuses ?? [])
    .map((it) => it.state?.terminated?.exitCode)
    .findLast((it) => it !== undefined && it !== 0);
  const exit = code === undefined ? "" : `: exit ${code}`;
  throw new Error(`service "${name}" didn't complete successfully${exit}`);
}

function hasCondition(job: Job, type: string): boolean {
  const conditions = job.status?.conditions ?? [];
  return conditions.some((it) => it.type === type && it.status === "True");
}

/** Why the containers of a service cannot start at all; undefined while they may. */
export function startFault(pods: readonly Pod[]): string | undefined {
  const hopeless = ["InvalidImageName", "CreateContainerConfigError", "ErrImageNeverPull"];
  for (const pod of pods) {
    for (const { name, state } of pod.status?.containerStatuses ?? []) {
      const waiting = state?.waiting;
      const unknownUser = userFault(pod, waiting?.message ?? "");
      if (unknownUser !== undefined) return `${name}: ${unknownUser}`;
      if (waiting !== undefined && hopeless.includes(waiting.reason ?? "")) {
        return `${name}: ${waiting.reason ?? ""}: ${waiting.message ?? ""}`;
      }
    }
  }
  return undefined;
}
