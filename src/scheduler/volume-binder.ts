import type { PersistentVolume, PersistentVolumeClaim, Pod, StorageClass } from "#api/gen/types.ts";
import type { SelectedNode } from "#api/selector/node.ts";
import {
  annotationOf,
  boundByController,
  claimNameOf,
  isFullyBound,
  selectedNode,
} from "#api/volumes/claims.ts";
import { assert } from "#base/assert.ts";
import type { Clock } from "#base/clock.ts";
import type { Client } from "#client/client.ts";
import type { Informer } from "#client/informer.ts";
import type { Informers } from "#client/informers.ts";
import { persistentVolumeClaims, persistentVolumes, storageClasses } from "#client/kinds.ts";
import { joinKey, keyOf, nameOf, namespaceOf, uidOf } from "#client/object-key.ts";
import {
  planBindings,
  podVolumesOf,
  type BindingStep,
  type PodVolumes,
  type StorageView,
  type VolumeRules,
} from "./volume-rules.ts";

/** How long a pod waits for its volumes to be bound (upstream's default). */
const bindMsMax = 600_000;

export interface VolumeBinderOptions {
  readonly client: Client;
  readonly informers: Informers;
  readonly clock: Clock;
  /** The pods that use a claim and have a node, or are about to. */
  readonly usersOf: (claimKey: string) => readonly Pod[];
}

/** What was promised to a pod, until it is bound or given up. */
export interface Reservation {
  readonly node: string;
  readonly steps: readonly BindingStep[];
}

/** The scheduler's view of storage, and its writes there. */
export class VolumeBinder {
  readonly #options: VolumeBinderOptions;
  readonly #claims: Informer<PersistentVolumeClaim>;
  readonly #volumes: Informer<PersistentVolume>;
  readonly #classes: Informer<StorageClass>;
  readonly #taken = new Set<string>();

  constructor(options: VolumeBinderOptions) {
    this.#options = options;
    this.#claims = options.informers.of(persistentVolumeClaims);
    this.#volumes = options.informers.of(persistentVolumes);
    this.#classes = options.informers.of(storageClasses);
  }

  async synced(signal: AbortSignal): Promise<void> {
    await Promise.all([
      this.#claims.synced(signal),
      this.#volumes.synced(signal),
      this.#classes.synced(signal),
    ]);
  }

  /** `claimChanged` hears the key of a claim that changed, `othersChanged` of all else. */
  subscribe(claimChanged: (key: string) => void, othersChanged: () => void): () => void {
    const leave = [
      this.#claims.subscribe(({ key }) => {
        claimChanged(key);
      }),
      this.#volumes.subscribe(othersChanged),
      this.#classes.subscribe(othersChanged),
    ];
    return () => {
      for (const it of leave) it();
    };
  }

  of(pod: Pod): PodVolumes {
    // Most pods have none, and the view is not free.
    if (claimKeysOf(pod).length === 0) return { kind: "none" };
    return podVolumesOf(pod, this.view);
  }

  get view(): StorageView {
    return {
      claim: (namespace, name) => this.#claims.get(joinKey(namespace, name)),
      volume: (name) => this.#volumes.get(name),
      storageClass: (name) => this.#classes.get(name),
      volumes: this.#volumes.list(),
      isTaken: (name) => this.#taken.has(name),
      isInUse: (claim, pod) =>
        this.#options.usersOf(keyOf(claim)).some((it) => uidOf(it) !== uidOf(pod)),
    };
  }

  /** Promises the volumes on the chosen node; {@link release} is to follow. */
  reserve(rules: VolumeRules, node: SelectedNode): Reservation {
    const steps = planBindings(rules, node, this.view);
    assert(steps !== undefined, "the node was found to have the pod's volumes");
    for (const step of steps) if (step.kind === "bind") this.#taken.add(nameOf(step.volume));
    return { node: node.name, steps };
  }

  release({ steps }: Reservation): void {
    for (const step of steps) if (step.kind === "bind") this.#taken.delete(nameOf(step.volume));
  }

  /** Writes the choice down and waits until every claim is bound. @throws {Error} saying why not. */
  async bind({ node, steps }: Reservation, signal: AbortSignal): Promise<void> {
    for (const step of steps) await this.#write(step, node, signal);
    const stop = new AbortController();
    const waiting = AbortSignal.any([signal, stop.signal]);
    const late = this.#options.clock.sleep(bindMsMax, waiting).then(
      () => new Error("binding volumes: timed out waiting for the claims to be bound"),
      () => undefined,
    );
    try {
      const failure = await Promise.race([this.#untilBound(steps, node, waiting), late]);
      signal.throwIfAborted();
      if (failure !== undefined) throw failure;
    } finally {
      stop.abort(new Error("waiting is over"));
      await late;
    }
  }

  async #write(step: BindingStep, node: string, signal: AbortSignal): Promise<void> {
    const { client } = this.#options;
    const { claim } = step;
    const { name, namespace, uid, resourceVersion } = claim.metadata ?? {};
    if (step.kind === "provision") {
      if (annotationOf(claim, selectedNode) === node) return;
      const metadata = { uid, resourceVersion, annotations: { [selectedNode]: node } };
      const at = { namespace: namespaceOf(claim), name: nameOf(claim) };
      const patch = { type: "merge", body: { metadata } } as const;
      await client.patch(persistentVolumeClaims, at, patch, signal);
      return;
    }
    const { volume } = step;
    const annotations =
      volume.spec?.claimRef === undefined
        ? { ...volume.metadata?.annotations, [boundByController]: "yes" }
        : volume.metadata?.annotations;
    const claimRef = {
      apiVersion: "v1",
      kind: "PersistentVolumeClaim",
      name,
      namespace,
      uid,
      resourceVersion,
    };
    const reserved = {
      ...volume,
      metadata: { ...volume.metadata, annotations },
      spec: { ...volume.spec, claimRef },
    };
    await client.update(persistentVolumes, reserved, {}, signal);
  }

  /** Resolves with why it cannot be any more; undefined once all are bound, or on abort. */
  async #untilBound(
    steps: readonly BindingStep[],
    node: string,
    signal: AbortSignal,
  ): Promise<Error | undefined> {
    const { promise, resolve } = Promise.withResolvers<Error | undefined>();
    const provisioned = new Set<string>();
    const look = (): void => {
      for (const { kind, claim } of steps) {
        const found = this.#claims.get(keyOf(claim));
        if (found === undefined || uidOf(found) !== uidOf(claim)) {
          resolve(new Error(`binding volumes: persistentvolumeclaim "${nameOf(claim)}" not found`));
          return;
        }
        if (isFullyBound(found)) continue;
        const selected = annotationOf(found, selectedNode);
        if (selected === node) provisioned.add(keyOf(claim));
        // The provisioner takes it away when it cannot serve the node.
        else if (kind === "provision" && provisioned.has(keyOf(claim))) {
          const name = nameOf(claim);
          resolve(new Error(`binding volumes: selectedNode annotation reset for PVC "${name}"`));
          return;
        }
        return;
      }
      resolve(undefined);
    };
    const leave = this.#claims.subscribe(look);
    const aborted = (): void => {
      resolve(undefined);
    };
    signal.addEventListener("abort", aborted, { once: true });
    try {
      look();
      return await promise;
    } finally {
      leave();
      signal.removeEventListener("abort", aborted);
    }
  }
}

/** Keys of the claims that a pod's volumes are. */
export function claimKeysOf(pod: Pod): readonly string[] {
  return (pod.spec?.volumes ?? []).flatMap((volume) => {
    const name = claimNameOf(pod, volume);
    return name === undefined ? [] : [joinKey(namespaceOf(pod), name)];
  });
}
