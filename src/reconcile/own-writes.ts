import type { DeleteOptions } from "#api/gen/types.ts";
import type { KubernetesObject } from "#api/object.ts";
import { isStatus } from "#api/status.ts";
import type { Clock } from "#base/clock.ts";
import type { Client } from "#client/client.ts";
import type { Informer } from "#client/informer.ts";
import { keyOf, nameOf, namespaceOf, splitKey, uidOf } from "#client/object-key.ts";
import { compareResourceVersions } from "#client/resource-version.ts";

/** The informer is behind by this much at most before a reconcile gives up and tries again. */
const waitMsMax = 30_000;
const pageSize = 500;

interface Pending {
  resourceVersion: string;
  /** A write had no answer: the server may have done it. */
  uncertain: boolean;
  /** Objects being deleted: key to uid. */
  readonly deleted: Map<string, string>;
}

/**
 * Remembers, for each key of a controller, what it wrote, so that its next decision about the key
 * is made on a cache that has it. Nothing is created twice, without counting expectations.
 */
export class OwnWrites<T extends KubernetesObject> {
  readonly #informer: Informer<T>;
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #pending = new Map<string, Pending>();

  constructor(informer: Informer<T>, ports: { readonly client: Client; readonly clock: Clock }) {
    this.#informer = informer;
    this.#client = ports.client;
    this.#clock = ports.clock;
  }

  /** An object of the informer's kind was created or changed on behalf of `key`. */
  wrote(key: string, object: KubernetesObject): void {
    const pending = this.#of(key);
    const version = object.metadata?.resourceVersion ?? "";
    if (compareResourceVersions(version, pending.resourceVersion) > 0) {
      pending.resourceVersion = version;
    }
  }

  /** A write for `key` failed without an answer; the server is asked what it has. */
  uncertain(key: string): void {
    this.#of(key).uncertain = true;
  }

  /**
   * Deletes this very object on behalf of `key`; the cache is to lose it, or to see it on its way
   * out. False when it was gone already, or another one has its name by now.
   */
  async delete(
    key: string,
    object: T,
    options: Partial<Pick<DeleteOptions, "propagationPolicy">>,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { deleted } = this.#of(key);
    const objectKey = keyOf(object);
    const uid = uidOf(object);
    deleted.set(objectKey, uid);
    const at = { namespace: namespaceOf(object), name: nameOf(object) };
    try {
      const conditions = { ...options, preconditions: { uid } };
      await this.#client.delete(this.#informer.resource, at, conditions, signal);
      return true;
    } catch (error) {
      if (isStatus(error, "NotFound") || isStatus(error, "Conflict")) return false;
      deleted.delete(objectKey);
      throw error;
    }
  }

  /**
   * Resolves once the cache has everything written for `key`.
   * @throws {Error} when it does not come within 30 s: the reconcile is to be tried again.
   */
  async settled(key: string, signal: AbortSignal): Promise<void> {
    const pending = this.#pending.get(key);
    if (pending === undefined) return;
    if (pending.uncertain) {
      await this.#ask(key, pending, signal);
      pending.uncertain = false;
    }
    if (!this.#isSettled(pending)) await this.#wait(pending, signal);
    this.#pending.delete(key);
  }

  /**
   * What the server has now is what the cache is to have. The newest object counts, not the list's
   * own revision, which the cache may reach much later: changes of other kinds move it too.
   */
  async #ask(key: string, pending: Pending, signal: AbortSignal): Promise<void> {
    const { namespace } = splitKey(key);
    let continueToken = "";
    do {
      const options = { namespace, limit: pageSize, continueToken, metadataOnly: true };
      const page = await this.#client.list(this.#informer.resource, options, signal);
      for (const it of page.items) {
        const version = it.metadata?.resourceVersion ?? "";
        if (compareResourceVersions(version, pending.resourceVersion) > 0) {
          pending.resourceVersion = version;
        }
      }
      continueToken = page.metadata?.continue ?? "";
    } while (continueToken !== "");
  }

  async #wait(pending: Pending, signal: AbortSignal): Promise<void> {
    const stop = new AbortController();
    const either = AbortSignal.any([signal, stop.signal]);
    const late = new Error(
      `the cache of ${this.#informer.resource.plural} is behind own writes for ${waitMsMax} ms`,
    );
    const timer = this.#clock.sleep(waitMsMax, either).then(
      () => {
        stop.abort(late);
      },
      () => undefined,
    );
    try {
      await this.#informer.until(() => this.#isSettled(pending), either);
    } finally {
      stop.abort(late);
      await timer;
    }
  }

  #isSettled(pending: Pending): boolean {
    if (pending.resourceVersion !== "" && !this.#informer.hasReached(pending.resourceVersion)) {
      return false;
    }
    for (const [key, uid] of pending.deleted) {
      const present = this.#informer.get(key)?.metadata;
      if (present?.uid === uid && present.deletionTimestamp === undefined) return false;
      pending.deleted.delete(key);
    }
    return true;
  }

  #of(key: string): Pending {
    const present = this.#pending.get(key);
    if (present !== undefined) return present;
    const created: Pending = { resourceVersion: "", uncertain: false, deleted: new Map() };
    this.#pending.set(key, created);
    return created;
  }
}
