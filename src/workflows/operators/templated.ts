/*
 * Arguments that are templates, of operators whose code is loaded by the first task that needs it:
 * what reads DAG files must know them.
 */

/** As Airflow's KubernetesPodOperator has them. */
export const podTemplated: readonly string[] = [
  "image",
  "name",
  "hostname",
  "cmds",
  "annotations",
  "arguments",
  "envVars",
  "labels",
  "configFile",
  "podTemplateFile",
  "podTemplateDict",
  "fullPodSpec",
  "namespace",
  "containerResources",
  "volumes",
  "volumeMounts",
  "clusterContext",
  "envFrom",
  "nodeSelector",
  "kubernetesConnId",
  "baseContainerName",
];

/** Of a Job; its pods' arguments are among them. */
export const jobTemplated: readonly string[] = [...podTemplated, "jobTemplateFile", "fullJobSpec"];

export const resourceTemplated: readonly string[] = [
  "objects",
  "namespace",
  "configFile",
  "clusterContext",
  "kubernetesConnId",
];

/** As Airflow's DockerOperator has them. */
export const dockerTemplated: readonly string[] = [
  "image",
  "command",
  "environment",
  "envFile",
  "containerName",
  "mounts",
  "dockerUrl",
];
