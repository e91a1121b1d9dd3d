import type { Json, JsonObject } from "#api/object.ts";
import type { TaskOptions } from "./options.ts";
import type { Input, Output } from "./output.ts";
import type { PodCallbacks } from "./pod-callbacks.ts";
import { operatorTask } from "./task.ts";

/** Where a task finds its cluster; the first that is given. */
export interface ClusterOptions extends TaskOptions {
  /** A connection of type `kubernetes`. */
  readonly kubernetesConnId?: Input<string>;
  /** A kubeconfig on the worker's machine. */
  readonly configFile?: Input<string>;
  readonly clusterContext?: Input<string>;
  /** The cluster that the worker runs in. */
  readonly inCluster?: boolean;
}

/** A key of a Secret, as a variable or a file. */
export interface PodSecret {
  readonly deployType: "env" | "volume";
  /** Name of the variable (undefined: all keys as variables), or folder. */
  readonly deployTarget?: string;
  readonly secret: string;
  readonly key?: string;
}

type Text = Input<string>;
type Texts = Readonly<Record<string, Text>>;
type Objects = readonly Input<JsonObject>[];

/** Parameters of Airflow's KubernetesPodOperator, in camel case; the objects are those of the API. */
export interface KubernetesPodOptions extends ClusterOptions {
  readonly namespace?: Text;
  readonly image?: Text;
  readonly name?: Text;
  /** Makes names unique; true by default. */
  readonly randomNameSuffix?: boolean;
  /** The container's command. */
  readonly cmds?: readonly Text[];
  readonly arguments?: readonly Text[];
  readonly ports?: Objects;
  readonly volumes?: Objects;
  readonly volumeMounts?: Objects;
  readonly envVars?: Texts | Objects;
  readonly envFrom?: Objects;
  readonly secrets?: readonly PodSecret[];
  /** Names of ConfigMaps whose entries become variables. */
  readonly configmaps?: readonly Text[];
  readonly podRuntimeInfoEnvs?: readonly { readonly name: string; readonly fieldPath: string }[];
  readonly labels?: Texts;
  readonly annotations?: Texts;
  readonly containerResources?: Input<JsonObject>;
  readonly affinity?: JsonObject;
  readonly nodeSelector?: Texts;
  readonly tolerations?: Objects;
  readonly imagePullPolicy?: "Always" | "IfNotPresent" | "Never";
  /** Names of Secrets. */
  readonly imagePullSecrets?: readonly string[];
  readonly serviceAccountName?: string;
  readonly automountServiceAccountToken?: boolean;
  readonly hostnetwork?: boolean;
  readonly hostAliases?: Objects;
  readonly securityContext?: JsonObject;
  readonly containerSecurityContext?: JsonObject;
  readonly dnspolicy?: string;
  readonly dnsConfig?: JsonObject;
  readonly hostname?: Text;
  readonly subdomain?: string;
  readonly schedulername?: string;
  readonly priorityClassName?: string;
  readonly initContainers?: Objects;
  readonly terminationGracePeriod?: number;
  readonly terminationMessagePolicy?: "File" | "FallbackToLogsOnError";
  readonly activeDeadlineSeconds?: number;
  /** A whole pod, over which the other parameters are laid. */
  readonly fullPodSpec?: Input<JsonObject>;
  /** A pod as YAML, on the worker's machine. */
  readonly podTemplateFile?: Text;
  readonly podTemplateDict?: Input<JsonObject>;
  /** The container that is the task; `base` by default. */
  readonly baseContainerName?: Text;
  /** Goes on with the pod of a try that lost its worker; true by default. */
  readonly reattachOnRestart?: boolean;
  /** 120 by default. */
  readonly startupTimeoutSeconds?: number;
  /** For finding a node; that of the start by default. */
  readonly scheduleTimeoutSeconds?: number;
  /** Writes the container's log to the task's; true by default. */
  readonly getLogs?: boolean;
  /** Logs of other containers too. */
  readonly containerLogs?: readonly string[] | true;
  readonly initContainerLogs?: readonly string[] | true;
  readonly logEventsOnFailure?: boolean;
  /** Hands on what the container writes to `/airflow/xcom/return.json`; false by default. */
  readonly doXcomPush?: boolean;
  /** Of the container that keeps that file until it is read. */
  readonly xcomSidecarImage?: string;
  /** Holds no worker while the pod runs. */
  readonly deferrable?: boolean;
  /** Seconds between two looks when it is deferrable; 2 by default. */
  readonly pollInterval?: number;
  readonly onFinishAction?: "delete_pod" | "delete_succeeded_pod" | "keep_pod";
  /** Exit codes that end the task as skipped. */
  readonly skipOnExitCode?: number | readonly number[];
  /** Functions that are called as the pod goes on. */
  readonly callbacks?: PodCallbacks | readonly PodCallbacks[];
}

/** Runs a pod to its end. */
export function kubernetesPod<O = Json>(id: string, given: KubernetesPodOptions): Output<O> {
  const { callbacks, ...rest } = given;
  const { args, options } = parted(rest);
  const run = callbacks === undefined ? {} : { run: () => callbacks };
  return operatorTask("kubernetes_pod", id, { arguments: args, options, ...run });
}

/** Parameters of Airflow's KubernetesJobOperator, in camel case; those of pods are about its pods. */
export interface KubernetesJobOptions extends Omit<KubernetesPodOptions, "callbacks"> {
  /** A file with a Job, as YAML. */
  readonly jobTemplateFile?: Text;
  readonly fullJobSpec?: JsonObject;
  readonly backoffLimit?: number;
  readonly completionMode?: "NonIndexed" | "Indexed";
  readonly completions?: number;
  readonly manualSelector?: boolean;
  readonly parallelism?: number;
  readonly selector?: JsonObject;
  readonly suspend?: boolean;
  readonly ttlSecondsAfterFinished?: number;
  /** Whether the task ends with the Job; without it the task ends when the Job has been made. */
  readonly waitUntilJobComplete?: boolean;
  /** Seconds between two looks of a task that is `deferrable`; 10 by default. */
  readonly jobPollInterval?: number;
  readonly onKillPropagationPolicy?: "Foreground" | "Background" | "Orphan";
}

/**
 * Runs a Job; when it waits for its end it hands on its status, or, with `doXcomPush`, the list of what its
 * pods have written to `/airflow/xcom/return.json`.
 */
export function kubernetesJob(id: string, given: KubernetesJobOptions): Output<Json> {
  const { args, options } = parted(given);
  return operatorTask("kubernetes_job", id, { arguments: args, options });
}

/** A Job that is there. */
export interface KubernetesJobPlace extends ClusterOptions {
  readonly name: Text;
  readonly namespace?: Text;
}

/** Changes a Job by a merge patch. */
export function kubernetesPatchJob(
  id: string,
  given: KubernetesJobPlace & { readonly body: JsonObject },
): Output<Json> {
  const { args, options } = parted(given);
  return operatorTask("kubernetes_patch_job", id, { arguments: args, options });
}

/** Deletes a Job; one that is not there is no failure. */
export function kubernetesDeleteJob(
  id: string,
  given: KubernetesJobPlace & {
    /** Deletes it only in this state. */
    readonly deleteOnStatus?: "Complete" | "Failed";
    readonly waitForCompletion?: boolean;
  },
): Output<Json> {
  const { args, options } = parted(given);
  return operatorTask("kubernetes_delete_job", id, { arguments: args, options });
}

export interface KubernetesResourceOptions extends ClusterOptions {
  readonly namespace?: Text;
  /** Objects as YAML, one document each, or as values. */
  readonly objects: Text | Objects;
}

/** Creates objects of any kind that the cluster has; one that is there already fails the task. */
export function kubernetesCreate(id: string, given: KubernetesResourceOptions): Output<Json> {
  return resources("create", id, given);
}

/** Brings objects about as they are given (server-side apply). */
export function kubernetesApply(id: string, given: KubernetesResourceOptions): Output<Json> {
  return resources("apply", id, given);
}

/** Deletes objects; those that are not there are no failure. */
export function kubernetesDelete(id: string, given: KubernetesResourceOptions): Output<Json> {
  return resources("delete", id, given);
}

function resources(verb: string, id: string, given: KubernetesResourceOptions): Output<Json> {
  const { args, options } = parted(given);
  return operatorTask(`kubernetes_${verb}`, id, { arguments: args, options });
}

/** Parameters of Airflow's DockerOperator, in camel case. */
export interface DockerOptions extends TaskOptions {
  readonly image: Text;
  /** A shell command line as one text, or words; the image's own when left out. */
  readonly command?: Text | readonly Text[];
  readonly entrypoint?: Text | readonly Text[];
  /**
   * `unix:///var/run/docker.sock`, `tcp://host:2375`. Without it and without DOCKER_HOST the
   * container runs as a pod of the cluster that `kubernetesPod` would use.
   */
  readonly dockerUrl?: Text | readonly Text[];
  /** A connection of type `docker`: the registry, and who logs in to it for pulls. */
  readonly dockerConnId?: Text;
  readonly apiVersion?: string;
  readonly containerName?: Text;
  readonly environment?: Texts;
  /** As `environment`, and masked in logs. */
  readonly privateEnvironment?: Texts;
  /** Lines `NAME=value`. */
  readonly envFile?: Text;
  /** 1.0 stands for 1024 shares. */
  readonly cpus?: number;
  /** Bytes, or `512m`. */
  readonly memLimit?: number | string;
  /** Bytes, or `64m`. */
  readonly shmSize?: number | string;
  readonly user?: string | number;
  readonly workingDir?: Text;
  /** As Docker's API has them: `{ type, source, target, readOnly }`. */
  readonly mounts?: Objects;
  /** Whether the container has a folder of the host, `tmpDir` in it; true by default. */
  readonly mountTmpDir?: boolean;
  /** `/tmp/airflow` by default; in the container's AIRFLOW_TMP_DIR. */
  readonly tmpDir?: string;
  /** The folder of the host in which that folder is made. */
  readonly hostTmpDir?: string;
  readonly networkMode?: string;
  readonly hostname?: string;
  readonly dns?: readonly string[];
  readonly dnsSearch?: readonly string[];
  readonly extraHosts?: Readonly<Record<string, string>>;
  readonly privileged?: boolean;
  readonly capAdd?: readonly string[];
  readonly ipcMode?: string;
  /** Whether a small init collects the container's processes. */
  readonly init?: boolean;
  /** `{ name: "nofile", soft: 1024, hard: 2048 }` */
  readonly ulimits?: Objects;
  /** Of graphics cards and the like: `{ driver, count, deviceIDs, capabilities }`. */
  readonly deviceRequests?: Objects;
  /** Of the container's log at the host: `10m`. */
  readonly logOptsMaxSize?: string;
  readonly logOptsMaxFile?: string;
  readonly tty?: boolean;
  readonly labels?: Texts;
  /** `8080/tcp` to a port of the host. */
  readonly portBindings?: Readonly<Record<string, number>>;
  /** Files, for a host that wants TLS. */
  readonly tlsCaCert?: string;
  readonly tlsClientCert?: string;
  readonly tlsClientKey?: string;
  /** Whether the host's certificate is checked; true by default. */
  readonly tlsVerify?: boolean;
  /** The name in the host's certificate; false: any. */
  readonly tlsHostname?: string | false;
  readonly tlsSslVersion?: "TLSv1_2" | "TLSv1_3";
  readonly forcePull?: boolean;
  readonly autoRemove?: "never" | "success" | "force";
  /** Hands on all of the output instead of its last line. */
  readonly xcomAll?: boolean;
  /** Hands on the file of the container that `retrieveOutputPath` names: JSON, or text. */
  readonly retrieveOutput?: boolean;
  readonly retrieveOutputPath?: string;
  readonly skipOnExitCode?: number | readonly number[];
  /** Seconds for one request; 60 by default. */
  readonly timeout?: number;
}

/** Runs a container to its end; hands on the last line of its output. */
export function docker(id: string, given: DockerOptions): Output<Json> {
  const { args, options } = parted(given);
  return operatorTask("docker", id, { arguments: args, options });
}

/** What is said about every task; the rest is the operator's. */
const taskOptions: Readonly<Record<keyof TaskOptions, true>> = {
  onExecute: true,
  onSuccess: true,
  onFailure: true,
  onRetry: true,
  onSkipped: true,
  owner: true,
  retries: true,
  retryDelay: true,
  retryExponentialBackoff: true,
  maxRetryDelay: true,
  executionTimeout: true,
  triggerRule: true,
  pool: true,
  poolSlots: true,
  priorityWeight: true,
  weightRule: true,
  queue: true,
  executor: true,
  executorConfig: true,
  dependsOnPast: true,
  waitForDownstream: true,
  ignoreFirstDependsOnPast: true,
  maxActiveTisPerDag: true,
  maxActiveTisPerDagrun: true,
  doXcomPush: true,
  multipleOutputs: true,
  outlets: true,
  inlets: true,
  docMd: true,
};

function parted(given: TaskOptions): {
  readonly args: Readonly<Record<string, unknown>>;
  readonly options: TaskOptions;
} {
  const entries = Object.entries(given);
  const { doXcomPush } = given;
  return {
    args: { ...Object.fromEntries(entries.filter(([name]) => !(name in taskOptions))), doXcomPush },
    options: Object.fromEntries(entries.filter(([name]) => name in taskOptions)),
  };
}
