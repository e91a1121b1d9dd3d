import type { Node, Pod, Service } from "#api/gen/types.ts";
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import type { Client } from "#client/client.ts";
import type { Informer } from "#client/informer.ts";
import type { Informers } from "#client/informers.ts";
import { nodes, pods, services } from "#client/kinds.ts";
import { namespaceOf } from "#client/object-key.ts";
import type { PodContainer } from "#kubelet/pod/containers.ts";
import type { KubeletPorts, PodEvent, ServiceSource, StorageObjects } from "#kubelet/ports.ts";
import type { EventRecorder } from "#reconcile/events.ts";
import { AssignedPods } from "./assigned-pods.ts";
import { ClientApi } from "./client-api.ts";
import { storageObjects } from "./storage-objects.ts";
import { WatchedObjects } from "./watched-objects.ts";

export interface ConnectOptions {
  readonly client: Client;
  readonly informers: Informers;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Watch this node and its pods only; undefined where many nodes of one process share the watches. */
  readonly nodeName: string | undefined;
}

/** The cluster for the node agents of one process; dispose it after they have ended. */
export class ClusterConnection implements AsyncDisposable {
  readonly #api: ClientApi;
  readonly #pods: AssignedPods;
  readonly #services: ServiceSource;
  readonly #nodes: Informer<Node>;
  readonly #objects: WatchedObjects;
  readonly #storage: StorageObjects;

  constructor(options: ConnectOptions) {
    const { client, informers, nodeName } = options;
    const fieldSelector = nodeName === undefined ? "spec.nodeName!=" : `spec.nodeName=${nodeName}`;
    this.#api = new ClientApi(client);
    this.#pods = new AssignedPods(informers.of<Pod>(pods, { fieldSelector }));
    this.#services = serviceSource(informers);
    const own = nodeName === undefined ? {} : { fieldSelector: `metadata.name=${nodeName}` };
    this.#nodes = informers.of<Node>(nodes, own);
    this.#objects = new WatchedObjects(options);
    this.#storage = storageObjects(client);
  }

  /** What the agent of one node uses. `recorder` sends its events. */
  of(nodeName: string, recorder: EventRecorder): KubeletPorts {
    return {
      pods: this.#pods.of(nodeName),
      services: this.#services,
      seenNode: () => this.#nodes.get(nodeName),
      objects: this.#objects,
      storage: this.#storage,
      api: this.#api,
      events: {
        pod: (pod, event) => {
          recorder.record(pods, pod, contentOf(event));
        },
        node: (event) => {
          // Upstream gives the node's name as its uid in events, and kubectl looks for that.
          const metadata = { name: nodeName, uid: nodeName };
          recorder.record(nodes, { metadata }, contentOf(event));
        },
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#pods[Symbol.dispose]();
    await this.#objects[Symbol.asyncDispose]();
  }
}

function serviceSource(informers: Informers): ServiceSource {
  const informer = informers.of<Service>(services);
  informer.addIndex("namespace", (it) => [namespaceOf(it)]);
  return {
    synced: (signal) => informer.synced(signal),
    list: (namespace) => informer.byIndex("namespace", namespace),
  };
}

function contentOf({
  type,
  reason,
  message,
  container,
}: PodEvent): Parameters<EventRecorder["record"]>[2] {
  return {
    type: type === "Warning" ? "Warning" : "Normal",
    reason,
    message,
    ...(container === undefined ? {} : { fieldPath: fieldPathOf(container) }),
  };
}

/** As upstream names it: `spec.containers{app}`. */
function fieldPathOf({ spec, role }: PodContainer): string {
  const lists = {
    init: "initContainers",
    sidecar: "initContainers",
    regular: "containers",
    ephemeral: "ephemeralContainers",
  } as const;
  return `spec.${lists[role]}{${spec.name}}`;
}
