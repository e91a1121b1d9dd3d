import type { KubernetesObject } from "#api/object.ts";
import { StatusError } from "#api/status.ts";
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import { Cache, type Change, type IndexFunction } from "./cache.ts";
import type { Client } from "./client.ts";
import { deepFreeze } from "./freeze.ts";
import { keyOf } from "./object-key.ts";
import type { ResourceOf } from "./resource-of.ts";
import { compareResourceVersions } from "./resource-version.ts";
import { Waiters } from "./waiters.ts";
import type { WatchEvent } from "./watch-event.ts";
import { nextState, pauseMs, startWatch, type WatchInput, type WatchState } from "./watch.ts";

export interface InformerOptions<T> {
  readonly resource: ResourceOf<T>;
  readonly client: Client;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly namespace?: string | undefined;
  readonly fieldSelector?: string | undefined;
  readonly labelSelector?: string | undefined;
  /** Receive `PartialObjectMetadata` only. */
  readonly metadataOnly?: boolean | undefined;
  /** Keeps of each object what is needed; by default all but `managedFields`. */
  readonly project?: ((object: T) => T) | undefined;
  /** Begin with a WatchList (default); false: with a paged list. */
  readonly watchList?: boolean | undefined;
  /** Between two tries to reach a server that is away; twice as much by chance. 30 s by default. */
  readonly pauseMsMax?: number | undefined;
  /** Freeze objects to the bottom (default), or leave them as they are, for speed. */
  readonly freeze?: boolean | undefined;
}

/** Objects per page of a list. */
const pageSize = 500;
/** A watch that lives this long did nothing wrong by ending. */
const healthyMs = 1_000;
const initialEventsEnd = "k8s.io/initial-events-end";

/**
 * A local copy of the objects of one kind, kept current by a watch. What it returns is shared:
 * never change it. Listeners hear changes after the copy has them, synchronously and in order.
 */
export class Informer<T extends KubernetesObject> {
  readonly resource: ResourceOf<T>;
  readonly #options: InformerOptions<T>;
  readonly #cache = new Cache<T>();
  readonly #listeners = new Set<(change: Change<T>) => void>();
  readonly #waiters = new Waiters();
  /** While the present objects arrive: the keys seen, to find what is gone at the end. */
  #seen: Set<string> | undefined;
  #resourceVersion = "";

  constructor(options: InformerOptions<T>) {
    this.resource = options.resource;
    this.#options = options;
  }

  /** All changes up to this revision are in the copy. "" until the first list is complete. */
  get resourceVersion(): string {
    return this.#resourceVersion;
  }

  get hasSynced(): boolean {
    return this.#resourceVersion !== "";
  }

  get size(): number {
    return this.#cache.size;
  }

  /** By `namespace/name`, or `name` for cluster-scoped kinds. */
  get(key: string): T | undefined {
    return this.#cache.get(key);
  }

  list(): T[] {
    return [...this.#cache.values()];
  }

  keys(): string[] {
    return [...this.#cache.keys()];
  }

  /** Declares an index; the same name must always come with the same function. */
  addIndex(name: string, values: IndexFunction<T>): void {
    this.#cache.addIndex(name, values);
  }

  byIndex(name: string, value: string): T[] {
    return this.#cache.byIndex(name, value);
  }

  /** Calls `listener` for each object that is there now, then for each change. Returns the way out. */
  subscribe(listener: (change: Change<T>) => void): () => void {
    for (const [key, object] of this.#entries()) {
      listener({ key, previous: undefined, current: object });
    }
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Resolves once the first list is complete. */
  async synced(signal: AbortSignal): Promise<void> {
    await this.#waiters.until(() => this.hasSynced, signal);
  }

  /** Resolves once the copy holds everything up to `resourceVersion`. */
  async reached(resourceVersion: string, signal: AbortSignal): Promise<void> {
    await this.until(() => this.hasReached(resourceVersion), signal);
  }

  hasReached(resourceVersion: string): boolean {
    return this.hasSynced && compareResourceVersions(this.#resourceVersion, resourceVersion) >= 0;
  }

  /** Resolves once `condition` holds; it is asked again after each batch of changes. */
  async until(condition: () => boolean, signal: AbortSignal): Promise<void> {
    await this.#waiters.until(condition, signal);
  }

  /** Keeps the copy current until the signal aborts. Never rejects; failures are logged and retried. */
  async run(signal: AbortSignal): Promise<void> {
    let state = startWatch(this.#options.watchList ?? true);
    while (!signal.aborted) {
      state = await this.#step(state, signal);
    }
  }

  async #step(state: WatchState, signal: AbortSignal): Promise<WatchState> {
    if (state.kind === "waiting") {
      const { random, pauseMsMax } = this.#options;
      const ms = pauseMs(state.failures, random.next(), pauseMsMax);
      // Aborted: the caller's loop ends.
      if (ms > 0) await this.#options.clock.sleep(ms, signal).catch(() => undefined);
      return nextState(state, { kind: "waited" });
    }
    const at: At = { state };
    try {
      if (state.kind === "listing") await this.#readPage(at, state.continueToken, signal);
      else await this.#readWatch(at, signal);
    } catch (error) {
      if (signal.aborted) return at.state;
      at.state = nextState(at.state, this.#inputOf(at.state, error));
    }
    return at.state;
  }

  async #readPage(at: At, continueToken: string, signal: AbortSignal): Promise<void> {
    const { client, resource, ...options } = this.#options;
    const page = await client.list(
      resource,
      { ...selectionOf(options), limit: pageSize, continueToken },
      signal,
    );
    if (continueToken === "") this.#seen = new Set();
    for (const object of page.items) this.#put(object);
    const token = page.metadata?.continue ?? "";
    const resourceVersion = page.metadata?.resourceVersion ?? "";
    if (token === "") this.#endInitial(resourceVersion);
    at.state = nextState(at.state, { kind: "page", resourceVersion, continueToken: token });
  }

  async #readWatch(at: At, signal: AbortSignal): Promise<void> {
    const { client, clock, random, resource, ...options } = this.#options;
    const started = clock.monotonic();
    const initial = at.state.kind === "initial";
    if (initial) this.#seen = new Set();
    const events = client.watch(
      resource,
      {
        ...selectionOf(options),
        sendInitialEvents: initial,
        ...(at.state.kind === "watching" ? { resourceVersion: at.state.resourceVersion } : {}),
        timeoutSeconds: Math.round(300 + 300 * random.next()),
      },
      signal,
    );
    for await (const batch of events) {
      for (const event of batch) this.#receive(at, event);
      this.#waiters.check();
    }
    if (at.state.kind === "watching" && clock.monotonic() - started >= healthyMs) {
      at.state = { ...at.state, failures: 0 };
    }
    at.state = nextState(at.state, { kind: "ended" });
  }

  #receive(at: At, event: WatchEvent<T>): void {
    const { object } = event;
    const resourceVersion = object.metadata?.resourceVersion ?? "";
    if (event.type === "BOOKMARK") {
      const ends = object.metadata?.annotations?.[initialEventsEnd] === "true";
      if (ends && at.state.kind === "initial") {
        this.#endInitial(resourceVersion);
        at.state = nextState(at.state, { kind: "initial-end", resourceVersion });
        return;
      }
    } else if (event.type === "DELETED") this.#delete(keyOf(object));
    else this.#put(object);
    if (at.state.kind !== "watching") return;
    this.#resourceVersion = resourceVersion;
    at.state = nextState(at.state, { kind: "progress", resourceVersion });
  }

  /** The present objects are complete: what was not among them is gone. */
  #endInitial(resourceVersion: string): void {
    const seen = this.#seen ?? new Set();
    this.#seen = undefined;
    for (const key of this.keys()) {
      if (!seen.has(key)) this.#delete(key);
    }
    this.#resourceVersion = resourceVersion;
    this.#waiters.check();
  }

  #put(received: T): void {
    const { project, freeze } = this.#options;
    const object = (project ?? withoutManagedFields)(received);
    const key = keyOf(object);
    this.#seen?.add(key);
    const replace = this.#seen !== undefined;
    this.#announce(this.#cache.put(key, freeze === false ? object : deepFreeze(object), replace));
  }

  #delete(key: string): void {
    this.#seen?.delete(key);
    this.#announce(this.#cache.delete(key));
  }

  #announce(change: Change<T> | undefined): void {
    if (change === undefined) return;
    for (const listener of this.#listeners) listener(change);
  }

  *#entries(): Generator<[string, T]> {
    for (const object of this.list()) yield [keyOf(object), object];
  }

  #inputOf(state: WatchState, error: unknown): WatchInput {
    if (error instanceof StatusError) {
      if (error.code === 410) return { kind: "expired" };
      if (state.kind === "initial" && (error.code === 422 || error.code === 400)) {
        return { kind: "unsupported" };
      }
    }
    this.#options.log.error("watch failed", {
      resource: this.resource.plural,
      group: this.resource.group,
      state: state.kind,
      failures: state.failures,
      error: error instanceof Error ? error : new Error(String(error)),
    });
    return { kind: "failed" };
  }
}

interface At {
  state: WatchState;
}

function selectionOf(options: {
  readonly namespace?: string | undefined;
  readonly fieldSelector?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly metadataOnly?: boolean | undefined;
}): typeof options {
  const { namespace, fieldSelector, labelSelector, metadataOnly } = options;
  return { namespace, fieldSelector, labelSelector, metadataOnly };
}

/** Fresh from JSON, an object is at most other informers', which remove the field too: in place. */
function withoutManagedFields<T extends KubernetesObject>(object: T): T {
  if (object.metadata !== undefined) Reflect.deleteProperty(object.metadata, "managedFields");
  return object;
}
