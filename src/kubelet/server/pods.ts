import type { Pod } from "#api/gen/types.ts";
import { instancesOf } from "#kubelet/pod/containers.ts";
import type { ObservedPod } from "#kubelet/pod/input.ts";
import type { PodSource } from "#kubelet/ports.ts";

/** A pod of this node as the server needs it: what the API says, and what the runtime shows. */
export interface ServedPod {
  readonly pod: Pod;
  readonly observed: ObservedPod;
}

/** The pods that the kubelet's server can reach into. */
export interface ServedPods {
  /** Undefined: no such pod runs here. */
  find(namespace: string, name: string, uid?: string): ServedPod | undefined;
  list(): readonly Pod[];
  /** Resolves when the container has ended or is gone, or the signal aborts. */
  ended(pod: ServedPod, containerId: string, signal: AbortSignal): Promise<void>;
}

/** The part of the runtime cache that is read. */
export interface ObservedPods {
  get(uid: string): ObservedPod;
}

/**
 * The node's pods, from its pod source and its runtime cache. The owner of the cache calls
 * {@link changed} for each uid that the cache reports, so that nobody asks again and again.
 */
export class NodePods implements ServedPods {
  readonly #source: PodSource;
  readonly #observed: ObservedPods;
  readonly #waiting = new Map<string, Set<() => void>>();

  constructor(source: PodSource, observed: ObservedPods) {
    this.#source = source;
    this.#observed = observed;
  }

  find(namespace: string, name: string, uid?: string): ServedPod | undefined {
    // Two pods of one name may be here while the older one ends: the younger one is meant.
    const pod = this.#source
      .list()
      .filter(({ metadata }) => metadata?.namespace === namespace && metadata.name === name)
      .filter(({ metadata }) => uid === undefined || metadata?.uid === uid)
      .toSorted((left, right) => createdAt(right).localeCompare(createdAt(left)))[0];
    if (pod === undefined) return undefined;
    return { pod, observed: this.#observed.get(pod.metadata?.uid ?? "") };
  }

  list(): readonly Pod[] {
    return this.#source.list();
  }

  /** The runtime's view of a pod changed. */
  changed(uid: string): void {
    for (const listener of this.#waiting.get(uid) ?? []) listener();
  }

  async ended({ pod }: ServedPod, containerId: string, signal: AbortSignal): Promise<void> {
    const uid = pod.metadata?.uid ?? "";
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const look = (): void => {
      const container = this.#observed.get(uid).containers.find((it) => it.id === containerId);
      const lives = container?.state === "running" || container?.state === "created";
      if (!lives || signal.aborted) resolve(undefined);
    };
    const listeners = this.#waiting.get(uid) ?? new Set();
    this.#waiting.set(uid, listeners.add(look));
    signal.addEventListener("abort", look, { once: true });
    look();
    try {
      await promise;
    } finally {
      signal.removeEventListener("abort", look);
      listeners.delete(look);
      if (listeners.size === 0) this.#waiting.delete(uid);
    }
  }
}

/** The id of the container's running instance; undefined when none runs. */
export function runningInstance({ observed }: ServedPod, container: string): string | undefined {
  return instancesOf(observed.containers, container).find((it) => it.state === "running")?.id;
}

/** The id of the pod's ready sandbox; undefined when there is none. */
export function readySandbox({ observed }: ServedPod): string | undefined {
  return observed.sandboxes.find((it) => it.state === "ready")?.id;
}

function createdAt(pod: Pod): string {
  return pod.metadata?.creationTimestamp ?? "";
}
