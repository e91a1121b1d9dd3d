import { Backoff } from "#base/backoff.ts";
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import { TaskGroup } from "#base/task-group.ts";
import type { Resource } from "#api/resource.ts";
import { StatusError } from "#api/status.ts";
import { nextTurn } from "#apiserver/http/exchange.ts";
import {
  CompactedError,
  prefixEnd,
  type Entry,
  type Revision,
  type Store,
  type StoreEvent,
} from "#store/store.ts";
import { ParsedObjects } from "./parsed-objects.ts";
import { ResourceCache } from "./resource-cache.ts";

/** All objects lie below this key: `/registry/<storageKey>/<namespace>/<name>`. */
export const registryPrefix = "/registry/";
const loadPageEntries = 5_000;
/** How long a request waits for a revision from the future, as upstream. */
const futureWaitMs = 3_000;
/** How long a request waits for the cache to catch up with the store before it says so. */
const catchUpWaitMs = 10_000;

/** The store's key of an object. */
export function storeKey(storageKey: string, key: string): string {
  return `${registryPrefix}${storageKey}/${key}`;
}

/** Who waits. The signal is looked at only when there is something to wait for: it costs. */
export interface Asker {
  /** Aborts when the asker is gone. */
  readonly signal: AbortSignal;
}

interface Waiter {
  readonly revision: Revision;
  readonly wake: () => void;
}

/**
 * Every object of the server, kept equal to the store by one watch. Open it with
 * {@link openRegistryCache}.
 */
export class RegistryCache implements AsyncDisposable {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #tasks: TaskGroup;
  readonly #byStorageKey = new Map<string, ResourceCache>();
  readonly #parsed = new ParsedObjects();
  /** Listeners by storage key; they outlive a reload. */
  readonly #listeners = new Map<string, (() => void)[]>();
  #waiters: Waiter[] = [];
  #revision: Revision = 0;
  #floor: Revision = 0;
  #busy = false;

  constructor(it: { readonly store: Store; readonly clock: Clock; readonly log: Logger }) {
    this.#store = it.store;
    this.#clock = it.clock;
    this.#log = it.log;
    this.#tasks = new TaskGroup((error) => {
      it.log.error("object cache stopped", { error: asError(error) });
    });
  }

  /** Everything up to this revision is in the cache. */
  get revision(): Revision {
    return this.#revision;
  }

  /** States before this revision are not served any more, even where they could be. */
  get floor(): Revision {
    return this.#floor;
  }

  /** Forgets states and quiet events before `revision`, as the store does when it compacts. */
  forget(revision: Revision): void {
    this.#floor = Math.max(this.#floor, revision);
    for (const cache of this.#byStorageKey.values()) cache.forget(this.#floor);
  }

  /** Every kind's cache. */
  get all(): Iterable<ResourceCache> {
    return this.#byStorageKey.values();
  }

  /** Lets watches gather events for longer while the event loop has little time to spare. */
  set busy(busy: boolean) {
    this.#busy = busy;
  }

  /** The cache of a kind. */
  of(resource: Resource): ResourceCache {
    const cache = this.#byStorageKey.get(resource.storageKey);
    if (cache === undefined) throw new Error(`no cache for ${resource.storageKey}`);
    return cache;
  }

  onChange(storageKey: string, listener: () => void): void {
    const listeners = this.#listeners.get(storageKey) ?? [];
    listeners.push(listener);
    this.#listeners.set(storageKey, listeners);
    this.#byStorageKey.get(storageKey)?.onChange(listener);
  }

  /** Loads the objects of `resources` and follows the store until disposed. */
  async start(resources: readonly Resource[], signal: AbortSignal): Promise<void> {
    await this.#load(resources, signal);
    this.#tasks.start((stop) => this.#follow(resources, stop));
  }

  /**
   * Resolves when the cache holds everything that was acknowledged before the call. Synchronous
   * in effect where the store is in this process.
   */
  async fresh(asker: Asker): Promise<void> {
    const current = await this.#store.currentRevision(this.#tasks.signal);
    if (current <= this.#revision) return;
    this.#store.requestProgress();
    await this.reached(current, catchUpWaitMs, asker.signal);
  }

  /** Resolves when an acknowledged write of this server is in the cache. */
  settled(revision: Revision): Promise<void> {
    if (revision <= this.#revision) return Promise.resolve();
    return new Promise((wake) => {
      this.#waiters.push({ revision, wake });
    });
  }

  /**
   * Resolves when the cache is not older than a revision that a client has seen.
   * @throws {StatusError} 504 with cause ResourceVersionTooLarge after 3 s.
   */
  async notOlderThan(revision: Revision, asker: Asker): Promise<void> {
    if (revision <= this.#revision) return;
    this.#store.requestProgress();
    await this.reached(revision, futureWaitMs, asker.signal);
  }

  async reached(revision: Revision, waitMs: number, signal: AbortSignal): Promise<void> {
    if (revision <= this.#revision) return;
    const stop = new AbortController();
    const either = AbortSignal.any([signal, stop.signal]);
    let waiter: Waiter | undefined;
    const arrived = new Promise<true>((resolve) => {
      waiter = {
        revision,
        wake: () => {
          resolve(true);
        },
      };
      this.#waiters.push(waiter);
    });
    try {
      const late = this.#clock.sleep(waitMs, either).then(() => false as const);
      if (await Promise.race([arrived, late])) return;
    } finally {
      stop.abort(new Error("no longer waiting"));
      this.#waiters = this.#waiters.filter((it) => it !== waiter);
    }
    throw tooLarge(revision, this.#revision);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tasks[Symbol.asyncDispose]();
    for (const cache of this.#byStorageKey.values()) await cache[Symbol.asyncDispose]();
  }

  /** Reads everything at one revision, in pages, so that other work goes on. */
  async #load(resources: readonly Resource[], signal: AbortSignal): Promise<void> {
    const found = new Map<string, { key: string; entry: Entry }[]>();
    const storageKeys = new Set(resources.map((it) => it.storageKey));
    for (const key of storageKeys) found.set(key, []);
    const end = prefixEnd(registryPrefix);
    let start = registryPrefix;
    let revision: Revision | undefined;
    for (;;) {
      const page = await this.#store.range(
        { start, end, limit: loadPageEntries, revision },
        signal,
      );
      revision ??= page.revision;
      for (const entry of page.entries) {
        const at = splitKey(entry.key);
        if (at !== undefined) found.get(at.storageKey)?.push({ key: at.key, entry });
      }
      const last = page.entries.at(-1);
      if (last === undefined || page.entries.length < loadPageEntries) break;
      start = `${last.key}\0`;
      await nextTurn();
    }
    for (const resource of storageResources(resources)) {
      const cache = this.#open(resource, revision);
      cache.load(found.get(resource.storageKey) ?? []);
      await nextTurn();
    }
    this.#advance(revision);
  }

  #open(resource: Resource, revision: Revision): ResourceCache {
    const cache = new ResourceCache({
      resource,
      revision,
      parsed: this.#parsed,
      clock: this.#clock,
      onError: (error) => {
        this.#log.error("watch fan-out failed", { error: asError(error) });
      },
    });
    for (const listener of this.#listeners.get(resource.storageKey) ?? []) cache.onChange(listener);
    this.#byStorageKey.set(resource.storageKey, cache);
    return cache;
  }

  async #follow(resources: readonly Resource[], signal: AbortSignal): Promise<void> {
    const backoff = new Backoff<"watch">({ initialMs: 50, maxMs: 5_000 });
    for (;;) {
      try {
        await this.#watch(signal, () => {
          backoff.succeed("watch");
        });
        if (signal.aborted) return;
      } catch (error) {
        if (signal.aborted) return;
        this.#log.error("store watch failed", { error: asError(error) });
        if (error instanceof CompactedError) await this.#reload(resources, signal);
      }
      await this.#clock.sleep(backoff.fail("watch"), signal);
    }
  }

  async #watch(signal: AbortSignal, alive: () => void): Promise<void> {
    const range = { start: registryPrefix, end: prefixEnd(registryPrefix) };
    for await (const batch of this.#store.watch(range, this.#revision, signal)) {
      alive();
      if (batch.kind === "events") this.#apply(batch.events);
      this.#advance(batch.revision);
    }
  }

  /** The history in between is lost: every watcher must list again, and so must we. */
  async #reload(resources: readonly Resource[], signal: AbortSignal): Promise<void> {
    const old = [...this.#byStorageKey.values()];
    await this.#load(resources, signal);
    for (const cache of old) {
      cache.fanout.endAll("the server lost the store's history");
      await cache[Symbol.asyncDispose]();
    }
  }

  #apply(events: readonly StoreEvent[]): void {
    const touched = new Set<ResourceCache>();
    for (const event of events) {
      const at = splitKey(event.kind === "put" ? event.entry.key : event.key);
      const cache = at === undefined ? undefined : this.#byStorageKey.get(at.storageKey);
      if (at === undefined || cache === undefined) continue;
      touched.add(cache);
      if (event.kind === "put") cache.put(at.key, event.entry);
      else cache.delete(at.key, event.revision);
    }
    for (const cache of touched) cache.fanout.flushSoon(this.#busy);
  }

  #advance(revision: Revision): void {
    this.#revision = Math.max(this.#revision, revision);
    if (this.#waiters.length === 0) return;
    const due = this.#waiters.filter((it) => it.revision <= this.#revision);
    if (due.length === 0) return;
    this.#waiters = this.#waiters.filter((it) => it.revision > this.#revision);
    for (const waiter of due) waiter.wake();
  }
}

/** Loads the cache and follows the store. Dispose it before the store. */
export async function openRegistryCache(
  it: {
    readonly store: Store;
    readonly clock: Clock;
    readonly log: Logger;
    readonly resources: readonly Resource[];
  },
  signal: AbortSignal,
): Promise<RegistryCache> {
  const cache = new RegistryCache(it);
  await cache.start(it.resources, signal);
  return cache;
}

/** One resource per storage key: the one whose version is stored. */
function storageResources(resources: readonly Resource[]): Resource[] {
  const stored = new Map<string, Resource>();
  for (const it of resources) {
    const isStored =
      it.group === it.storageVersion.group && it.version === it.storageVersion.version;
    if (isStored || !stored.has(it.storageKey)) stored.set(it.storageKey, it);
  }
  return [...stored.values()];
}

/** `/registry/apps/deployments/ns/name` is `ns/name` of `apps/deployments`. */
function splitKey(key: string): { readonly storageKey: string; readonly key: string } | undefined {
  const second = key.indexOf("/", key.indexOf("/", registryPrefix.length) + 1);
  if (second < 0) return undefined;
  return { storageKey: key.slice(registryPrefix.length, second), key: key.slice(second + 1) };
}

function tooLarge(asked: Revision, current: Revision): StatusError {
  const message = `Too large resource version: ${asked}, current: ${current}`;
  return new StatusError(504, "Timeout", `Timeout: ${message}`, {
    details: {
      causes: [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }],
      retryAfterSeconds: 1,
    },
  });
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
