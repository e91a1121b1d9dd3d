import type { Pod } from "#api/gen/types.ts";
import { childObject, childString, type JsonObject } from "#api/object.ts";
import { isStatus } from "#api/status.ts";
import { pods } from "#client/kinds.ts";
import type { TaskCluster } from "#workflows/kubernetes/cluster.ts";
import { safeLabel } from "#workflows/kubernetes/names.ts";
import type { OperatorCall } from "#workflows/operators/operator.ts";
import type { Job } from "#workflows/worker/protocol.ts";

/** Marks pods that no later try is to take for its own. */
export const checkedLabel = "already_checked";
const tryLabel = "try_number";

/** Labels by which a task's pods are found again, whichever try made them; Airflow's. */
export function taskLabels(job: Job): Readonly<Record<string, string>> {
  return {
    dag_id: safeLabel(job.dagId),
    task_id: safeLabel(job.taskId),
    run_id: safeLabel(job.runId),
    kubernetes_pod_operator: "True",
    ...(job.mapIndex >= 0 ? { map_index: String(job.mapIndex) } : {}),
  };
}

/** Those, and the try's. */
export function tryLabels(job: Job): Readonly<Record<string, string>> {
  return { ...taskLabels(job), [tryLabel]: String(job.tryNumber) };
}

/** Where a pod goes that may name its namespace. */
export function namespaceOf(pod: JsonObject, cluster: TaskCluster): string {
  const own = childString(childObject(pod, "metadata"), "namespace");
  return own === undefined || own === "" ? cluster.namespace : own;
}

/** Pods of the task's tries, from one to the job's, that nobody has done with. */
export async function listTaskPods(
  { job }: Pick<OperatorCall, "job">,
  { client }: TaskCluster,
  from: { readonly namespace: string; readonly tryNumber: number },
  signal: AbortSignal,
): Promise<readonly Pod[]> {
  const labels = Object.entries(taskLabels(job)).map(([name, it]) => `${name}=${it}`);
  const labelSelector = [...labels, `${checkedLabel}!=True`, "!airflow-worker"].join(",");
  const { items } = await client.list(pods, { namespace: from.namespace, labelSelector }, signal);
  return items.filter(({ metadata }) => {
    const tryNumber = Number(metadata?.labels?.[tryLabel] ?? 0);
    const isOfTries = tryNumber >= from.tryNumber && tryNumber <= job.tryNumber;
    return metadata?.deletionTimestamp === undefined && isOfTries;
  });
}

/** Deletes what tries of the task, up to the job's, have left running. */
export async function deleteTaskPods(
  call: Pick<OperatorCall, "job" | "log">,
  cluster: TaskCluster,
  namespace: string,
  signal: AbortSignal,
): Promise<void> {
  const found = await listTaskPods(call, cluster, { namespace, tryNumber: 0 }, signal);
  for (const { metadata } of found) {
    const name = metadata?.name ?? "";
    try {
      await cluster.client.delete(pods, { namespace, name }, {}, signal);
      call.log.line("INFO", `pod ${name} is deleted`);
    } catch (error) {
      if (!isStatus(error, "NotFound")) throw error;
    }
  }
}
