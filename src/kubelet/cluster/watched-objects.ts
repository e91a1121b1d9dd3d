import type { ConfigMap, Secret } from "#api/gen/types.ts";
import type { KubernetesObject } from "#api/object.ts";
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import { TaskGroup } from "#base/task-group.ts";
import type { Client } from "#client/client.ts";
import { Informer } from "#client/informer.ts";
import { configMaps, secrets } from "#client/kinds.ts";
import { joinKey } from "#client/object-key.ts";
import type { ResourceOf } from "#client/resource-of.ts";
import type { ObjectName, ReferencedObjects } from "#kubelet/ports.ts";

export interface WatchedObjectsOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

interface Watched {
  readonly informer: Informer<KubernetesObject>;
  readonly owners: Set<string>;
  readonly stop: AbortController;
}

/**
 * A watch of one object for each ConfigMap and Secret that a pod here refers to: the right to read
 * them one by one is all that a node has. A watch ends when the last pod that needs it is gone.
 */
export class WatchedObjects implements ReferencedObjects, AsyncDisposable {
  readonly #options: WatchedObjectsOptions;
  readonly #watched = new Map<string, Watched>();
  readonly #listeners = new Set<(owner: string) => void>();
  readonly #tasks: TaskGroup;

  constructor(options: WatchedObjectsOptions) {
    this.#options = options;
    this.#tasks = new TaskGroup((error) => {
      const cause = error instanceof Error ? error : new Error(String(error));
      options.log.error("watch of an object stopped", { error: cause });
    });
  }

  async configMap(
    at: ObjectName,
    owner: string,
    signal: AbortSignal,
  ): Promise<ConfigMap | undefined> {
    return await this.#get(configMaps, at, owner, signal);
  }

  async secret(at: ObjectName, owner: string, signal: AbortSignal): Promise<Secret | undefined> {
    return await this.#get(secrets, at, owner, signal);
  }

  release(owner: string): void {
    for (const [key, watched] of this.#watched) {
      if (!watched.owners.delete(owner) || watched.owners.size > 0) continue;
      watched.stop.abort(new Error("nobody refers to it"));
      this.#watched.delete(key);
    }
  }

  subscribe(listener: (owner: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tasks[Symbol.asyncDispose]();
    this.#watched.clear();
  }

  async #get<T extends KubernetesObject>(
    resource: ResourceOf<T>,
    at: ObjectName,
    owner: string,
    signal: AbortSignal,
  ): Promise<T | undefined> {
    const watched = this.#watch(resource, at);
    watched.owners.add(owner);
    await watched.informer.synced(signal);
    const found = watched.informer.get(joinKey(at.namespace, at.name)) as T | undefined;
    // It never changes: nothing is to be heard of it any more. Pods keep what they have seen.
    if (isImmutable(found)) watched.stop.abort(new Error("the object is immutable"));
    return found;
  }

  #watch<T extends KubernetesObject>(resource: ResourceOf<T>, at: ObjectName): Watched {
    const key = `${resource.plural}/${at.namespace}/${at.name}`;
    const known = this.#watched.get(key);
    if (known !== undefined) return known;
    const informer = new Informer<KubernetesObject>({
      ...this.#options,
      resource,
      namespace: at.namespace,
      fieldSelector: `metadata.name=${at.name}`,
    });
    const watched: Watched = { informer, owners: new Set(), stop: new AbortController() };
    this.#watched.set(key, watched);
    informer.subscribe(() => {
      for (const owner of watched.owners) for (const listener of this.#listeners) listener(owner);
    });
    this.#tasks.start((signal) => informer.run(AbortSignal.any([signal, watched.stop.signal])));
    return watched;
  }
}

function isImmutable(object: KubernetesObject | undefined): boolean {
  return object !== undefined && "immutable" in object && object.immutable === true;
}
