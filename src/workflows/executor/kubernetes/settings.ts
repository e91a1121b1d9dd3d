/** How the executor treats pods; Airflow's names of its section `kubernetes_executor`. */
export interface KubernetesSettings {
  readonly namespace: string;
  /** Whether templates may put pods into other namespaces: the executor then watches all of them. */
  readonly multiNamespaceMode: boolean;
  /** Of workers: `worker_container_repository:tag`. */
  readonly image: string;
  /** A file with a pod; read for each pod, so it may change. Undefined: a plain pod. */
  readonly podTemplateFile: string | undefined;
  /** Whether pods of tasks that have ended are deleted. */
  readonly deleteWorkerPods: boolean;
  readonly deleteWorkerPodsOnFailure: boolean;
  /** Pods that are being created at a time. */
  readonly creationBatchSize: number;
  /** Most pods at a time. */
  readonly parallelism: number;
  /** A pod that has not started after so long has failed. */
  readonly pendingTimeoutMs: number;
  /** Where workers reach this scheduler. */
  readonly workerUrl: string;
  /** PEM for workers; undefined without TLS of our own. */
  readonly certificateAuthority: string | undefined;
}
