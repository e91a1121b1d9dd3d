import type { Pod } from "#api/gen/types.ts";
import { uidOf } from "#client/object-key.ts";
import type { Change } from "#client/cache.ts";
import type { Informer } from "#client/informer.ts";
import type { PodSource } from "#kubelet/ports.ts";

interface NodePods {
  readonly pods: Map<string, Pod>;
  readonly listeners: Set<(uid: string) => void>;
}

/**
 * Pods by the node they are bound to, from one informer for however many nodes live in this
 * process. A change is told to its node only.
 */
export class AssignedPods implements Disposable {
  readonly #informer: Informer<Pod>;
  readonly #nodes = new Map<string, NodePods>();
  readonly #stop: () => void;

  constructor(informer: Informer<Pod>) {
    this.#informer = informer;
    this.#stop = informer.subscribe((change) => {
      this.#take(change);
    });
  }

  of(nodeName: string): PodSource {
    const node = this.#node(nodeName);
    const informer = this.#informer;
    return {
      synced: (signal) => informer.synced(signal),
      get isComplete() {
        return informer.hasSynced;
      },
      get: (uid) => node.pods.get(uid),
      list: () => [...node.pods.values()],
      subscribe: (listener) => {
        for (const uid of node.pods.keys()) listener(uid);
        node.listeners.add(listener);
        return () => node.listeners.delete(listener);
      },
    };
  }

  [Symbol.dispose](): void {
    this.#stop();
  }

  /** A name may have passed to another pod, or a pod's binding may have appeared. */
  #take({ previous, current }: Change<Pod>): void {
    const isSame =
      previous !== undefined &&
      current !== undefined &&
      uidOf(previous) === uidOf(current) &&
      previous.spec?.nodeName === current.spec?.nodeName;
    if (previous?.spec?.nodeName !== undefined && !isSame) {
      const node = this.#node(previous.spec.nodeName);
      node.pods.delete(uidOf(previous));
      tell(node, uidOf(previous));
    }
    if (current?.spec?.nodeName === undefined) return;
    const node = this.#node(current.spec.nodeName);
    node.pods.set(uidOf(current), current);
    tell(node, uidOf(current));
  }

  #node(name: string): NodePods {
    const known = this.#nodes.get(name);
    if (known !== undefined) return known;
    const created: NodePods = { pods: new Map(), listeners: new Set() };
    this.#nodes.set(name, created);
    return created;
  }
}

function tell(node: NodePods, uid: string): void {
  for (const listener of node.listeners) listener(uid);
}
