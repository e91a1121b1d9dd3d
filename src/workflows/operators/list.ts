import { approvalOperator } from "./approval.ts";
import { bashOperator, bashSensorOperator } from "./bash.ts";
import { emailOperator } from "./email.ts";
import { externalTaskSensorOperator } from "./external-task.ts";
import { fileTransferOperator } from "./files.ts";
import {
  branchOperator,
  emptyOperator,
  functionOperator,
  shortCircuitOperator,
} from "./functions.ts";
import { httpOperator, httpSensorOperator } from "./http.ts";
import { latestOnlyOperator } from "./latest-only.ts";
import { lazyOperator, lazyOperatorWithKill } from "./lazy.ts";
import type { Operator } from "./operator.ts";
import { dateTimeSensorOperator, fileSensorOperator, sensorOperator } from "./sensors.ts";
import { sqlOperator, sqlSensorOperator } from "./sql.ts";
import { dockerTemplated, jobTemplated, podTemplated, resourceTemplated } from "./templated.ts";
import { triggerDagOperator } from "./trigger-dag.ts";

/** Every kind of task that a worker can run, by the name in the DAG's model. */
export const operators: ReadonlyMap<string, Operator> = new Map([
  ["function", functionOperator],
  ["branch", branchOperator],
  ["short_circuit", shortCircuitOperator],
  ["empty", emptyOperator],
  ["approval", approvalOperator],
  ["bash", bashOperator],
  ["http", httpOperator],
  ["sql", sqlOperator],
  ["sensor", sensorOperator],
  ["file_sensor", fileSensorOperator],
  ["trigger_dag", triggerDagOperator],
  ["external_task_sensor", externalTaskSensorOperator],
  ["bash_sensor", bashSensorOperator],
  ["sql_sensor", sqlSensorOperator],
  ["http_sensor", httpSensorOperator],
  ["date_time_sensor", dateTimeSensorOperator],
  ["latest_only", latestOnlyOperator],
  ["file_transfer", fileTransferOperator],
  ["email", emailOperator],
  [
    "kubernetes_pod",
    lazyOperatorWithKill(
      { templated: podTemplated },
      async () => (await import("./kubernetes/pod.ts")).kubernetesPodOperator,
    ),
  ],
  [
    "kubernetes_job",
    lazyOperatorWithKill(
      { templated: jobTemplated },
      async () => (await import("./kubernetes/job.ts")).kubernetesJobOperator,
    ),
  ],
  [
    "kubernetes_patch_job",
    lazyOperator(
      { templated: [...podTemplated, "body"] },
      async () => (await import("./kubernetes/job.ts")).kubernetesPatchJobOperator,
    ),
  ],
  [
    "kubernetes_delete_job",
    lazyOperator(
      { templated: podTemplated },
      async () => (await import("./kubernetes/job.ts")).kubernetesDeleteJobOperator,
    ),
  ],
  [
    "kubernetes_create",
    lazyOperator(
      { templated: resourceTemplated },
      async () => (await import("./kubernetes/resources.ts")).kubernetesCreateOperator,
    ),
  ],
  [
    "kubernetes_apply",
    lazyOperator(
      { templated: resourceTemplated },
      async () => (await import("./kubernetes/resources.ts")).kubernetesApplyOperator,
    ),
  ],
  [
    "kubernetes_delete",
    lazyOperator(
      { templated: resourceTemplated },
      async () => (await import("./kubernetes/resources.ts")).kubernetesDeleteOperator,
    ),
  ],
  [
    "docker",
    lazyOperatorWithKill(
      { templated: dockerTemplated },
      async () => (await import("./docker/docker.ts")).dockerOperator,
    ),
  ],
]);
