import type { Job, Pod } from "#api/gen/types.ts";
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

/** Whether a Job has succeeded. @throws {Error} when it has failed. */
export function hasSucceeded(name: string, job: Job | undefined, pods: readonly Pod[]): boolean {
  const conditions = job?.status?.conditions ?? [];
  const is = (type: string): boolean =>
    conditions.some((it) => it.type === type && it.status === "True");
  if (is("Complete")) return true;
  if (!is("Failed")) return false;
  const code = pods
    .flatMap((it) => it.status?.containerStatuses ?? [])
    .map((it) => it.state?.terminated?.exitCode)
    .findLast((it) => it !== undefined && it !== 0);
  const exit = code === undefined ? "" : `: exit ${code}`;
  throw new Error(`service "${name}" didn't complete successfully${exit}`);
}

/** Why the containers of a service cannot start at all; undefined while they may. */
export function startFault(pods: readonly Pod[]): string | undefined {
  const hopeless = ["InvalidImageName", "CreateContainerConfigError", "ErrImageNeverPull"];
  for (const pod of pods) {
    for (const { name, state } of pod.status?.containerStatuses ?? []) {
      const waiting = state?.waiting;
      if (waiting !== undefined && hopeless.includes(waiting.reason ?? "")) {
        return `${name}: ${waiting.reason ?? ""}: ${waiting.message ?? ""}`;
      }
    }
  }
  return undefined;
}
