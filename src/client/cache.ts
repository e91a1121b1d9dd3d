import type { KubernetesObject } from "#api/object.ts";
import { compareResourceVersions } from "./resource-version.ts";

/** One change of a cache. A creation has no `previous`, a deletion has no `current`. */
export interface Change<T> {
  readonly key: string;
  readonly previous: T | undefined;
  readonly current: T | undefined;
}

/** Gives the index values under which an object is found. */
export type IndexFunction<T> = (object: T) => readonly string[];

/** Objects of one kind by key, with indexes kept up to date. Synchronous; no I/O. */
export class Cache<T extends KubernetesObject> {
  readonly #objects = new Map<string, T>();
  readonly #indexes = new Map<string, Index<T>>();

  get size(): number {
    return this.#objects.size;
  }

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  values(): IterableIterator<T> {
    return this.#objects.values();
  }

  keys(): IterableIterator<string> {
    return this.#objects.keys();
  }

  /**
   * Stores the object. Returns the change, or undefined when the cache holds the same revision or
   * a newer one. With `replace`, an older one replaces too: a server restored from a backup.
   */
  put(key: string, object: T, replace = false): Change<T> | undefined {
    const previous = this.#objects.get(key);
    if (previous !== undefined) {
      const order = compareObjects(object, previous);
      if (order === 0 || (order < 0 && !replace)) return undefined;
    }
    this.#objects.set(key, object);
    for (const index of this.#indexes.values()) index.replace(key, previous, object);
    return { key, previous, current: object };
  }

  delete(key: string): Change<T> | undefined {
    const previous = this.#objects.get(key);
    if (previous === undefined) return undefined;
    this.#objects.delete(key);
    for (const index of this.#indexes.values()) index.replace(key, previous, undefined);
    return { key, previous, current: undefined };
  }

  /** Adds an index, filled from what is there. A second call with the same name changes nothing. */
  addIndex(name: string, values: IndexFunction<T>): void {
    if (this.#indexes.has(name)) return;
    const index = new Index(values);
    for (const [key, object] of this.#objects) index.replace(key, undefined, object);
    this.#indexes.set(name, index);
  }

  /** Objects found under `value` in index `name`, in no particular order. */
  byIndex(name: string, value: string): T[] {
    const found: T[] = [];
    for (const key of this.#indexes.get(name)?.keysOf(value) ?? []) {
      const object = this.#objects.get(key);
      if (object !== undefined) found.push(object);
    }
    return found;
  }
}

class Index<T> {
  readonly #values: IndexFunction<T>;
  readonly #keys = new Map<string, Set<string>>();

  constructor(values: IndexFunction<T>) {
    this.#values = values;
  }

  keysOf(value: string): Iterable<string> {
    return this.#keys.get(value) ?? [];
  }

  replace(key: string, previous: T | undefined, current: T | undefined): void {
    const before = previous === undefined ? [] : this.#values(previous);
    const after = current === undefined ? [] : this.#values(current);
    for (const value of before) {
      if (!after.includes(value)) this.#remove(value, key);
    }
    for (const value of after) {
      const keys = this.#keys.get(value);
      if (keys === undefined) this.#keys.set(value, new Set([key]));
      else keys.add(key);
    }
  }

  #remove(value: string, key: string): void {
    const keys = this.#keys.get(value);
    keys?.delete(key);
    if (keys?.size === 0) this.#keys.delete(value);
  }
}

/** By resource version; an object of another uid is newer. */
function compareObjects(next: KubernetesObject, previous: KubernetesObject): number {
  if (next.metadata?.uid !== previous.metadata?.uid) return 1;
  return compareResourceVersions(
    next.metadata?.resourceVersion ?? "",
    previous.metadata?.resourceVersion ?? "",
  );
}
