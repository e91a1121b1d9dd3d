import { mkdirSync } from "node:fs";
import { open, type RootDatabase } from "lmdb";
import type { Descriptor } from "#oci/manifest.ts";
import { StoreFullError } from "./image-store.ts";
import {
  keys,
  rangeOf,
  type BlobRecord,
  type LeaseValue,
  type ManifestRecord,
  type PlaceValue,
  type TagValue,
  type Value,
} from "./records.ts";

/** Address space, not memory: some ten million records. */
const mapBytes = 16 * 1_073_741_824;

/**
 * Which blobs, repositories, manifests and tags there are: an LMDB file, since its transactions hold
 * between processes and its reads cost microseconds. See `records.ts` for what is in it.
 */
export class Catalog {
  readonly #database: RootDatabase<Value, string>;
  readonly #directory: string;

  constructor(directory: string) {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    this.#directory = directory;
    this.#database = open<Value, string>({
      path: directory,
      // Without a suffix in the name LMDB takes the path for a directory.
      noSubdir: false,
      encoding: "json",
      mapSize: mapBytes,
      cache: false,
      // The default resolves a write before it is on disk.
      overlappingSync: false,
      eventTurnBatching: false,
      commitDelay: 0,
    });
  }

  /**
   * Runs `change` alone, of all processes, on the newest state; resolves with what it returned when
   * its writes are on disk. It must look before it writes: what it throws undoes nothing.
   * @throws {StoreFullError}
   */
  async change<T>(change: () => T): Promise<T> {
    let thrown: { readonly error: unknown } | undefined;
    let result: T | undefined;
    try {
      await this.#database.transaction(() => {
        try {
          result = change();
        } catch (error) {
          thrown = { error };
        }
      });
    } catch (cause) {
      throw isFull(cause) ? new StoreFullError(this.#directory, { cause }) : cause;
    }
    if (thrown !== undefined) throw thrown.error;
    return result as T;
  }

  /** Reads see what other processes have committed from the next call on. */
  refresh(): void {
    this.#database.resetReadTxn();
  }

  // A key's prefix says of which type its value is; nothing else writes here.

  blob(digest: string): BlobRecord | undefined {
    return this.#get(keys.blob(digest)) as BlobRecord | undefined;
  }

  manifest(repository: string, digest: string): ManifestRecord | undefined {
    return this.#get(keys.manifest(repository, digest)) as ManifestRecord | undefined;
  }

  tag(repository: string, tag: string): TagValue | undefined {
    return this.#get(keys.tag(repository, tag)) as TagValue | undefined;
  }

  link(repository: string, digest: string): PlaceValue | undefined {
    return this.#get(keys.link(repository, digest)) as PlaceValue | undefined;
  }

  repository(repository: string): PlaceValue | undefined {
    return this.#get(keys.repository(repository)) as PlaceValue | undefined;
  }

  lease(id: string): LeaseValue | undefined {
    return this.#get(keys.lease(id)) as LeaseValue | undefined;
  }

  has(key: string): boolean {
    return this.#database.doesExist(key);
  }

  /** Within {@link change} only. */
  put(key: string, value: Value): void {
    this.#database.putSync(key, value);
  }

  /** Within {@link change} only. */
  remove(key: string): void {
    this.#database.removeSync(key);
  }

  /** Keys that begin with `prefix`, in bytewise order; `after` is exclusive. */
  keysOf(prefix: string, page: { after?: string | undefined; limit?: number } = {}): string[] {
    const { start, end } = rangeOf(prefix);
    const from = page.after === undefined ? start : `${start}${page.after}`;
    const keysFound: string[] = [];
    for (const key of this.#database.getKeys({ start: from, end })) {
      if (key === from) continue;
      if (keysFound.length === (page.limit ?? Infinity)) break;
      keysFound.push(key);
    }
    return keysFound;
  }

  isUsed(digest: string, repository?: string): boolean {
    const prefix = repository === undefined ? `uses|${digest}|` : `uses|${digest}|${repository}|`;
    return this.keysOf(prefix, { limit: 1 }).length > 0;
  }

  referrer(key: string): Descriptor | undefined {
    return this.#get(key) as Descriptor | undefined;
  }

  async close(): Promise<void> {
    await this.#database.close();
  }

  #get(key: string): Value | undefined {
    return this.#database.get(key);
  }
}

/** Whether an error says that a disk, a quota, or the database's map has no room. */
export function isFull(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = "code" in error ? String(error.code) : "";
  return (
    ["ENOSPC", "EDQUOT", "28", "122"].includes(code) ||
    /No space left|Disk quota exceeded|MDB_MAP_FULL/.test(error.message) ||
    isFull(error.cause)
  );
}
