import type {
  ConfigMap,
  CoreV1Event,
  Lease,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  PodStatus,
  RuntimeClass,
  Secret,
  Service,
  ServiceAccount,
} from "#api/gen/types.ts";
import type { JsonObject } from "#api/object.ts";
import type { Mount, ContainerStatus } from "#cri/runtime.ts";
import type { PodContainer } from "./pod/containers.ts";

/** The pods bound to one node. */
export interface PodSource {
  synced(signal: AbortSignal): Promise<void>;
  /** False while some may not be known yet: a pod that is not here need not have gone. */
  readonly isComplete: boolean;
  get(uid: string): Pod | undefined;
  list(): readonly Pod[];
  /** Calls `listener` with the uid of each pod that is there now, then of each that changes. */
  subscribe(listener: (uid: string) => void): () => void;
}

export interface ServiceSource {
  synced(signal: AbortSignal): Promise<void>;
  /** In no particular order. */
  list(namespace: string): readonly Service[];
}

/** Objects that pods refer to, each kept current while somebody refers to it. */
export interface ReferencedObjects {
  /** Undefined: there is no such object. Keeps it current until `owner` is released. */
  configMap(at: ObjectName, owner: string, signal: AbortSignal): Promise<ConfigMap | undefined>;
  secret(at: ObjectName, owner: string, signal: AbortSignal): Promise<Secret | undefined>;
  /** `owner` refers to nothing any more. */
  release(owner: string): void;
  /** Hears the owners of an object that changed. */
  subscribe(listener: (owner: string) => void): () => void;
}

/** Claims and volumes, read one by one: those of its own pods are all that a node may read. */
export interface StorageObjects {
  /** Undefined: there is no such object. */
  claim(at: ObjectName, signal: AbortSignal): Promise<PersistentVolumeClaim | undefined>;
  volume(name: string, signal: AbortSignal): Promise<PersistentVolume | undefined>;
}

export interface ObjectName {
  readonly namespace: string;
  readonly name: string;
}

export interface TokenOptions {
  readonly serviceAccount: ObjectName;
  readonly audience: string | undefined;
  readonly expirationSeconds: number;
  /** The token dies with this pod. */
  readonly pod: { readonly name: string; readonly uid: string };
}

export interface IssuedToken {
  readonly token: string;
  readonly expiresAtMs: number;
}

/** What the node agent writes to the API, and what it asks there once. */
export interface KubeletApi {
  /**
   * Applies a strategic merge patch to the pod's status. Resolves with the pod as stored, or
   * undefined when there is no such pod any more.
   */
  patchPodStatus(
    pod: ObjectName,
    patch: JsonObject,
    signal: AbortSignal,
  ): Promise<{ readonly resourceVersion: string; readonly status: PodStatus } | undefined>;
  /** @throws {StatusError} AlreadyExists when there is a pod of that name. */
  createPod(pod: Pod, signal: AbortSignal): Promise<void>;
  /** Removes the pod at once; success when it is gone or another pod has its name. */
  deletePod(pod: ObjectName, uid: string, signal: AbortSignal): Promise<void>;
  createToken(options: TokenOptions, signal: AbortSignal): Promise<IssuedToken>;
  serviceAccount(at: ObjectName, signal: AbortSignal): Promise<ServiceAccount | undefined>;

  runtimeClass(name: string, signal: AbortSignal): Promise<RuntimeClass | undefined>;

  getNode(name: string, signal: AbortSignal): Promise<Node | undefined>;
  createNode(node: Node, signal: AbortSignal): Promise<Node>;
  /** Strategic merge patches of metadata and spec, or of status. */
  patchNode(name: string, patch: JsonObject, signal: AbortSignal): Promise<Node>;
  patchNodeStatus(name: string, patch: JsonObject, signal: AbortSignal): Promise<Node>;

  getLease(at: ObjectName, signal: AbortSignal): Promise<Lease | undefined>;
  createLease(lease: Lease, signal: AbortSignal): Promise<Lease>;
  /** @throws {StatusError} Conflict when the lease has changed since it was read. */
  updateLease(lease: Lease, signal: AbortSignal): Promise<Lease>;
}

export interface PodEvent {
  readonly type: NonNullable<CoreV1Event["type"]>;
  readonly reason: string;
  readonly message: string;
  /** The container that it is about. */
  readonly container?: PodContainer | undefined;
}

/** Tells users what happened. Never blocks, never throws. */
export interface KubeletEvents {
  pod(pod: Pod, event: PodEvent): void;
  node(event: Omit<PodEvent, "container">): void;
}

/** The network of the node's pods, apart from what the runtime does. */
export interface PodNetwork {
  /**
   * Resolves when the pod, whose sandbox has the address now, may begin to run; not much later than
   * at once. Rejects with the signal's reason on abort.
   */
  admit(pod: ObjectName, address: string, signal: AbortSignal): Promise<void>;
}

/** Everything of the cluster that the node agent uses. */
export interface KubeletPorts {
  readonly pods: PodSource;
  readonly services: ServiceSource;
  /** The node as a watch last showed it; undefined before it has, and where there is none. */
  readonly seenNode: () => Node | undefined;
  readonly objects: ReferencedObjects;
  readonly storage: StorageObjects;
  readonly api: KubeletApi;
  readonly events: KubeletEvents;
  /** Undefined: pods run as soon as they have their sandbox. */
  readonly network?: PodNetwork | undefined;
}

export interface ContainerPlace {
  readonly attempt: number;
  readonly podIps: readonly string[];
  /** For `subPathExpr`. */
  readonly env: ReadonlyMap<string, string>;
}

export interface ContainerFiles {
  readonly mounts: readonly Mount[];
  /** Host path of the termination message; empty for none. */
  readonly messageFile: string;
}

/** What the node gives a pod besides the runtime: directories, volumes, a cgroup. */
export interface PodHost {
  /**
   * Directories, cgroup and volumes of the pod. May be called again at any time, and then brings
   * the content of volumes up to date. @throws {Error} saying which volume could not be had.
   */
  prepare(pod: Pod, signal: AbortSignal): Promise<void>;
  /**
   * Gives the pod's group its limits after they changed: first `grow`, after which both the old and
   * the new ones fit in, then `settle`.
   */
  resize(pod: Pod, step: "grow" | "settle"): Promise<void>;
  /** Makes an image that is on the node the pod's volume of that name. @throws {Error} */
  showImage(
    pod: Pod,
    image: { readonly volume: string; readonly imageId: string },
    signal: AbortSignal,
  ): Promise<void>;
  /** Gives an empty volume what an image on the node has at a path. After {@link prepare}. */
  fillVolume(
    pod: Pod,
    from: { readonly volume: string; readonly imageId: string; readonly path: string },
    signal: AbortSignal,
  ): Promise<void>;
  /** Relative to the cgroup root; empty for the runtime's default. */
  cgroupParent(pod: Pod): string;
  logDirectory(pod: Pod): string;
  /** Mounts of one instance: volumes, /etc/hosts, termination message. After {@link prepare}. */
  containerFiles(
    pod: Pod,
    container: PodContainer,
    place: ContainerPlace,
    signal: AbortSignal,
  ): Promise<ContainerFiles>;
  /** What a container that ended wants to say; empty for nothing. */
  terminationMessage(status: ContainerStatus): Promise<string>;
  /** Gives volumes and cgroup back. Nothing of the pod runs any more. */
  tearDown(pod: Pod, signal: AbortSignal): Promise<void>;
  /** Removes what is left: logs and directories. */
  forget(pod: Pod, signal: AbortSignal): Promise<void>;
}
