import type { Pod } from "#api/gen/types.ts";
import type { Json } from "#api/object.ts";
import type { TaskContext } from "./context.ts";

/** The cluster that a task's pod is in, with the rights that the task has there. */
export interface PodClient {
  /**
   * Asks the API server: `request("GET", "/api/v1/namespaces/default/services")`. Null for an empty
   * answer. @throws {Error} with the server's words.
   */
  request(method: "GET" | "POST" | "PUT" | "DELETE", path: string, body?: object): Promise<Json>;
}

/** What each callback of a pod is told. */
export interface PodCall {
  readonly client: PodClient;
  readonly context: TaskContext;
}

/** A line of the log of one of the pod's containers. */
export interface PodLogLine extends PodCall {
  readonly line: string;
  readonly containerName: string;
  /** RFC 3339, with nanoseconds. */
  readonly timestamp: string;
}

type Told<T = object> = (call: PodCall & T) => void | Promise<void>;
type ToldOfPod = Told<{ readonly pod: Pod }>;

/**
 * Functions that `kubernetesPod` calls about its pod; Airflow's KubernetesPodOperatorCallback. What one
 * throws fails the task, but for `progressCallback`.
 */
export interface PodCallbacks {
  readonly onSyncClientCreation?: Told;
  /** Before the pod is made; it may change `podRequest`. */
  readonly onPodManifestCreated?: Told<{ readonly podRequest: Pod }>;
  /** The pod is there: made, or found again. */
  readonly onPodCreation?: ToldOfPod;
  /** Its containers have started; not called for a task that is deferrable. */
  readonly onPodStarting?: ToldOfPod;
  /** The container that is the task has ended. */
  readonly onPodCompletion?: ToldOfPod;
  /** After that, before the pod is deleted. */
  readonly onPodTeardown?: ToldOfPod;
  /** The pod is deleted or kept, as `onFinishAction` says; called however the task ends. */
  readonly onPodCleanup?: ToldOfPod;
  /** A deferrable task has a worker again, since its pod has ended. */
  readonly onOperatorResuming?: ToldOfPod;
  readonly progressCallback?: (line: PodLogLine) => void | Promise<void>;
}
