import type {
  ConfigMap,
  Lease,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  PodStatus,
  RuntimeClass,
  Secret,
  Service,
} from "#api/gen/types.ts";
import type { JsonObject } from "#api/object.ts";
import type {
  IssuedToken,
  KubeletApi,
  KubeletEvents,
  KubeletPorts,
  ObjectName,
  PodEvent,
  PodSource,
  ReferencedObjects,
  StorageObjects,
} from "#kubelet/ports.ts";

/** ConfigMaps and Secrets in memory; tests change them with {@link put}. */
export class FakeObjects implements ReferencedObjects {
  readonly #configMaps = new Map<string, ConfigMap>();
  readonly #secrets = new Map<string, Secret>();
  readonly #owners = new Map<string, Set<string>>();
  readonly #listeners = new Set<(owner: string) => void>();

  constructor(
    initial: {
      readonly configMaps?: readonly ConfigMap[];
      readonly secrets?: readonly Secret[];
    } = {},
  ) {
    for (const it of initial.configMaps ?? []) this.#configMaps.set(nameOf(it), it);
    for (const it of initial.secrets ?? []) this.#secrets.set(nameOf(it), it);
  }

  configMap(at: ObjectName, owner: string): Promise<ConfigMap | undefined> {
    this.#own(keyOf(at), owner);
    return Promise.resolve(this.#configMaps.get(keyOf(at)));
  }

  secret(at: ObjectName, owner: string): Promise<Secret | undefined> {
    this.#own(keyOf(at), owner);
    return Promise.resolve(this.#secrets.get(keyOf(at)));
  }

  putConfigMap(object: ConfigMap): void {
    this.#configMaps.set(nameOf(object), object);
    for (const owner of this.#owners.get(nameOf(object)) ?? []) {
      for (const listener of this.#listeners) listener(owner);
    }
  }

  release(owner: string): void {
    for (const owners of this.#owners.values()) owners.delete(owner);
  }

  subscribe(listener: (owner: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #own(key: string, owner: string): void {
    const owners = this.#owners.get(key) ?? new Set<string>();
    this.#owners.set(key, owners.add(owner));
  }
}

function keyOf({ namespace, name }: ObjectName): string {
  return `${namespace}/${name}`;
}

function nameOf(object: ConfigMap | Secret): string {
  return `${object.metadata?.namespace ?? ""}/${object.metadata?.name ?? ""}`;
}

/** Claims by `namespace/name` and volumes by name, in memory. */
export class FakeStorage implements StorageObjects {
  readonly claims = new Map<string, PersistentVolumeClaim>();
  readonly volumes = new Map<string, PersistentVolume>();

  claim(at: ObjectName): Promise<PersistentVolumeClaim | undefined> {
    return Promise.resolve(this.claims.get(keyOf(at)));
  }

  volume(name: string): Promise<PersistentVolume | undefined> {
    return Promise.resolve(this.volumes.get(name));
  }
}

/** A runtime whose images have no files. */
export const noImages = {
  viewImage: (): Promise<undefined> => Promise.resolve(undefined),
  releaseImage: (): Promise<void> => Promise.resolve(),
};

/** The cluster as one node agent sees it, in memory: pods, their statuses, a node, a lease. */
export class FakeCluster implements KubeletApi, PodSource {
  readonly pods = new Map<string, Pod>();
  readonly events: string[] = [];
  readonly deleted: string[] = [];
  readonly patches: JsonObject[] = [];
  readonly objects = new FakeObjects();
  readonly storage = new FakeStorage();
  services: readonly Service[] = [];
  runtimeClasses: readonly RuntimeClass[] = [];
  node: Node | undefined;
  lease: Lease | undefined;
  /** Set to make writes fail. */
  failure: Error | undefined;
  /** Set to a promise for a server that does not answer yet. */
  answers: Promise<void> = Promise.resolve();
  isComplete = true;
  readonly #listeners = new Set<(uid: string) => void>();
  #revision = 0;

  ports(): KubeletPorts {
    return {
      pods: this,
      services: { synced: () => Promise.resolve(), list: () => this.services },
      seenNode: () => undefined,
      objects: this.objects,
      storage: this.storage,
      api: this,
      events: this.recorder,
    };
  }

  get recorder(): KubeletEvents {
    const line = ({ type, reason, message }: Omit<PodEvent, "container">): string =>
      `${type} ${reason}: ${message}`;
    return {
      pod: (_pod, event) => this.events.push(line(event)),
      node: (event) => this.events.push(line(event)),
    };
  }

  put(pod: Pod): void {
    this.#revision += 1;
    const uid = pod.metadata?.uid ?? "";
    const resourceVersion = String(this.#revision);
    this.pods.set(uid, { ...pod, metadata: { ...pod.metadata, resourceVersion } });
    this.#announce(uid);
  }

  remove(uid: string): void {
    this.pods.delete(uid);
    this.#announce(uid);
  }

  statusOf(uid: string): PodStatus {
    return this.pods.get(uid)?.status ?? {};
  }

  async synced(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const over = Promise.withResolvers<never>();
    const abort = (): void => {
      over.reject(signal.reason as Error);
    };
    signal.addEventListener("abort", abort, { once: true });
    try {
      await Promise.race([this.answers, over.promise]);
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }

  get(uid: string): Pod | undefined {
    return this.pods.get(uid);
  }

  list(): readonly Pod[] {
    return [...this.pods.values()];
  }

  subscribe(listener: (uid: string) => void): () => void {
    for (const uid of this.pods.keys()) listener(uid);
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  patchPodStatus(
    at: ObjectName,
    patch: JsonObject,
  ): Promise<{ readonly resourceVersion: string; readonly status: PodStatus } | undefined> {
    if (this.failure !== undefined) return Promise.reject(this.failure);
    const pod = [...this.pods.values()].find((it) => it.metadata?.name === at.name);
    if (pod === undefined) return Promise.resolve(undefined);
    this.patches.push(patch);
    const status = mergeStatus(pod.status ?? {}, (patch["status"] ?? {}) as JsonObject);
    this.put({ ...pod, status });
    return Promise.resolve({ resourceVersion: String(this.#revision), status });
  }

  createPod(pod: Pod): Promise<void> {
    if (this.failure !== undefined) return Promise.reject(this.failure);
    const uid = `api-${pod.metadata?.name ?? ""}-${this.#revision}`;
    this.put({ ...pod, metadata: { ...pod.metadata, uid } });
    return Promise.resolve();
  }

  deletePod(_at: ObjectName, uid: string): Promise<void> {
    if (this.failure !== undefined) return Promise.reject(this.failure);
    this.deleted.push(uid);
    this.remove(uid);
    return Promise.resolve();
  }

  createToken(): Promise<IssuedToken> {
    return Promise.resolve({ token: "token", expiresAtMs: 3_600_000 });
  }

  serviceAccount(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  runtimeClass(name: string): Promise<RuntimeClass | undefined> {
    return Promise.resolve(this.runtimeClasses.find((it) => it.metadata?.name === name));
  }

  getNode(): Promise<Node | undefined> {
    return Promise.resolve(this.node);
  }

  createNode(node: Node): Promise<Node> {
    if (this.failure !== undefined) return Promise.reject(this.failure);
    this.node = { ...node, metadata: { ...node.metadata, uid: "node-uid" } };
    return Promise.resolve(this.node);
  }

  patchNode(_name: string, patch: JsonObject): Promise<Node> {
    const metadata = { ...this.node?.metadata, ...(patch["metadata"] as object) };
    this.node = { ...this.node, metadata };
    return Promise.resolve(this.node);
  }

  patchNodeStatus(_name: string, patch: JsonObject): Promise<Node> {
    if (this.failure !== undefined) return Promise.reject(this.failure);
    this.node = { ...this.node, status: { ...this.node?.status, ...(patch["status"] as object) } };
    return Promise.resolve(this.node);
  }

  getLease(): Promise<Lease | undefined> {
    return Promise.resolve(this.lease);
  }

  createLease(lease: Lease): Promise<Lease> {
    if (this.failure !== undefined) return Promise.reject(this.failure);
    this.lease = lease;
    return Promise.resolve(lease);
  }

  updateLease(lease: Lease): Promise<Lease> {
    if (this.failure !== undefined) return Promise.reject(this.failure);
    this.lease = lease;
    return Promise.resolve(lease);
  }

  #announce(uid: string): void {
    for (const listener of this.#listeners) listener(uid);
  }
}

/** Enough of a strategic merge for a pod's status: conditions by type, addresses by ip. */
function mergeStatus(before: PodStatus, patch: JsonObject): PodStatus {
  const merged = { ...(before as JsonObject), ...patch };
  for (const [key, mergeKey] of [
    ["conditions", "type"],
    ["podIPs", "ip"],
    ["hostIPs", "ip"],
  ] as const) {
    const changes = patch[key];
    if (!Array.isArray(changes)) continue;
    const items = new Map<unknown, JsonObject>();
    const old = (before as JsonObject)[key];
    for (const it of [...(Array.isArray(old) ? old : []), ...changes] as JsonObject[]) {
      if (it["$patch"] === "delete") items.delete(it[mergeKey]);
      else items.set(it[mergeKey], withoutNulls({ ...items.get(it[mergeKey]), ...it }));
    }
    merged[key] = [...items.values()];
  }
  return withoutNulls(merged);
}

function withoutNulls(object: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== null));
}
