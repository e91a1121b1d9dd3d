import { childObject, childString, isJsonObject, type JsonObject } from "#api/object.ts";
import { parseYaml } from "#api/yaml.ts";
import { mergePods } from "#workflows/kubernetes/merge-pods.ts";
import { podName, safeLabel } from "#workflows/kubernetes/names.ts";
import type { Job } from "#workflows/worker/protocol.ts";

/** Labels by which an executor finds its pods; Airflow's. */
export const workerLabels = {
  /** The scheduler whose executor watches the pod. */
  owner: "airflow-worker",
  kind: "kubernetes_executor",
  /** Set on pods that are kept though their task has ended. */
  done: "airflow_executor_done",
} as const;

export interface WorkerPodSettings {
  readonly namespace: string;
  /** Of the container `base`, unless the template names one. */
  readonly image: string;
  /** This scheduler's id. */
  readonly scheduler: string;
}

/** What a worker in a pod is told. */
export interface WorkerPodAccess {
  readonly url: string;
  readonly token: string;
  /** PEM; undefined without TLS, or with a certificate that the image's authorities signed. */
  readonly certificateAuthority: string | undefined;
}

/** Nothing that a worker does not need. Used when there is no template. */
export const defaultTemplate: JsonObject = {
  spec: {
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    containers: [
      {
        name: "base",
        securityContext: {
          allowPrivilegeEscalation: false,
          capabilities: { drop: ["ALL"] },
          seccompProfile: { type: "RuntimeDefault" },
        },
      },
    ],
  },
};

/** The same for the same try, so that a try has one pod whatever happens. */
export function workerPodName({ dagId, taskId, attempt }: Job): string {
  return podName(`${dagId}-${taskId}`, attempt);
}

/** The pod that runs a job: the template, what the executor adds, and what the task lays over it. */
export function workerPod(
  job: Job,
  template: JsonObject,
  settings: WorkerPodSettings,
  access: WorkerPodAccess,
): JsonObject {
  const override = childObject(job.task.executorConfig, "podOverride") ?? {};
  const made = mergePods(
    mergePods(template, executorPart(job, template, settings, access)),
    override,
  );
  const metadata = childObject(made, "metadata") ?? {};
  const name = workerPodName(job);
  const labels = { ...childObject(metadata, "labels"), ...labelsOf(job, settings) };
  return {
    ...made,
    metadata: { ...metadata, name, namespace: namespaceOf(metadata, settings), labels },
    spec: { ...childObject(made, "spec"), restartPolicy: "Never" },
  };
}

function namespaceOf(metadata: JsonObject, settings: WorkerPodSettings): string {
  return childString(metadata, "namespace") ?? settings.namespace;
}

/** Where a job's pod is. */
export function workerNamespace(job: Job, template: JsonObject, own: WorkerPodSettings): string {
  const override = childObject(job.task.executorConfig, "podOverride") ?? {};
  const merged = mergePods(template, override);
  return namespaceOf(childObject(merged, "metadata") ?? {}, own);
}

function executorPart(
  job: Job,
  template: JsonObject,
  { image }: WorkerPodSettings,
  { url, token, certificateAuthority }: WorkerPodAccess,
): JsonObject {
  const given = childObject(template, "spec")?.["containers"];
  const first = Array.isArray(given) && isJsonObject(given[0]) ? given[0] : {};
  const env = [
    { name: "GANTRY_WORKER_URL", value: url },
    { name: "GANTRY_WORKER_TOKEN", value: token },
    { name: "AIRFLOW_IS_K8S_EXECUTOR_POD", value: "True" },
  ];
  if (certificateAuthority !== undefined) {
    env.push({ name: "GANTRY_WORKER_CA", value: certificateAuthority });
  }
  const container: JsonObject = { name: "base", args: ["workflow-job"], env };
  if (first["image"] === undefined) container["image"] = image;
  if (first["imagePullPolicy"] === undefined) container["imagePullPolicy"] = "IfNotPresent";
  return {
    metadata: { annotations: annotationsOf(job) },
    spec: { containers: [container] },
  };
}

function labelsOf(job: Job, { scheduler }: WorkerPodSettings): JsonObject {
  const labels: JsonObject = {
    dag_id: safeLabel(job.dagId),
    task_id: safeLabel(job.taskId),
    run_id: safeLabel(job.runId),
    try_number: String(job.tryNumber),
    [workerLabels.kind]: "True",
    [workerLabels.owner]: safeLabel(scheduler),
  };
  if (job.mapIndex >= 0) labels["map_index"] = String(job.mapIndex);
  return labels;
}

/** Exact, where labels cannot be. */
function annotationsOf(job: Job): JsonObject {
  return {
    dag_id: job.dagId,
    task_id: job.taskId,
    run_id: job.runId,
    try_number: String(job.tryNumber),
    map_index: String(job.mapIndex),
    logical_date: new Date(job.run.logicalDate).toISOString(),
  };
}

/** @param file for the message. @throws {Error} when the text is not one pod. */
export function parseTemplate(text: string, file: string): JsonObject {
  const value = parseYaml(text).documents[0]?.value;
  if (!isJsonObject(value)) throw new Error(`pod template ${file}: expected a pod, as YAML`);
  const kind = childString(value, "kind") ?? "Pod";
  if (kind !== "Pod") throw new Error(`pod template ${file}: expected a Pod, found a ${kind}`);
  return value;
}
