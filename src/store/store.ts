/** A position in the store's history: one more for each transaction that writes. */
export type Revision = number;

export interface Entry {
  readonly key: string;
  readonly value: Uint8Array;
  /** Revision of the transaction that created this key since it last did not exist. */
  readonly createRevision: Revision;
  /** Revision of the transaction that wrote this value. */
  readonly modRevision: Revision;
}

export type StoreEvent =
  | { readonly kind: "put"; readonly entry: Entry; readonly previous: Entry | undefined }
  | {
      readonly kind: "delete";
      readonly key: string;
      readonly revision: Revision;
      readonly previous: Entry | undefined;
    };

export type WatchBatch =
  /** All events of one or more whole revisions, in order; a revision is never split. */
  | { readonly kind: "events"; readonly revision: Revision; readonly events: readonly StoreEvent[] }
  /** Everything up to `revision` was delivered, although nothing in the range changed. */
  | { readonly kind: "progress"; readonly revision: Revision };

/** A transaction of one key. Kubernetes asks for no more: kine's `Backend` has the same verbs. */
export type Write =
  /** Succeeds only when the key's modRevision equals `ifModRevision`; 0 means "does not exist". */
  | {
      readonly kind: "put";
      readonly key: string;
      readonly value: Uint8Array;
      readonly ifModRevision: Revision;
      readonly lease?: LeaseId;
    }
  | { readonly kind: "delete"; readonly key: string; readonly ifModRevision: Revision };

export type WriteResult =
  | { readonly kind: "ok"; readonly revision: Revision; readonly previous: Entry | undefined }
  /** The condition did not hold; `current` is what is there, undefined when nothing is. */
  | { readonly kind: "conflict"; readonly current: Entry | undefined };

export interface RangeRequest {
  /** First key, inclusive. */
  readonly start: string;
  /** Last key, exclusive. `prefixEnd(prefix)` gives the end of a prefix. */
  readonly end: string;
  /** At most this many entries; 0 for all. */
  readonly limit: number;
  /** Read as of this revision; undefined for the latest committed one. */
  readonly revision?: Revision | undefined;
}

export interface RangeResult {
  readonly entries: readonly Entry[];
  /** Entries in the range at that revision, with those cut off by `limit`. */
  readonly count: number;
  /** The store's revision at the read; for a read in the past still the latest one. */
  readonly revision: Revision;
}

export type LeaseId = string;

/** The revision asked for was compacted away; the caller lists again. */
export class CompactedError extends Error {
  override readonly name = "CompactedError";
  /** The oldest revision that can still be read is one more. */
  readonly compactRevision: Revision;

  constructor(compactRevision: Revision) {
    super(`revision compacted; the oldest readable is ${compactRevision + 1}`);
    this.compactRevision = compactRevision;
  }
}

/** The revision asked for lies in the future. */
export class FutureRevisionError extends Error {
  override readonly name = "FutureRevisionError";
  readonly current: Revision;

  constructor(current: Revision) {
    super(`revision in the future; the latest is ${current}`);
    this.current = current;
  }
}

/**
 * The disk is full, the database unreachable, the quota used up: the write was *not* acknowledged
 * and, unless `maybeApplied`, did not happen. Reads go on where they can.
 */
export class StoreUnavailableError extends Error {
  override readonly name = "StoreUnavailableError";
  /** The write may still have taken effect (a lost connection); the caller must read to know. */
  readonly maybeApplied: boolean;

  constructor(
    message: string,
    options: { readonly maybeApplied: boolean; readonly cause?: unknown },
  ) {
    super(message, { cause: options.cause });
    this.maybeApplied = options.maybeApplied;
  }
}

/**
 * An ordered, versioned key-value store. It knows bytes and keys, never Kubernetes objects. Keys
 * are ASCII and compare by bytes. Every implementation passes `testing/store-suite.ts`.
 * Dispose it with `await using`; disposal waits for writes in flight.
 */
export interface Store extends AsyncDisposable {
  /**
   * The latest revision that any reader may have seen, linearizable: after a write by anyone was
   * acknowledged, this is at least its revision. An empty store is at 1, as etcd is.
   */
  currentRevision(signal: AbortSignal): Promise<Revision>;
  /** @throws {CompactedError} {@link FutureRevisionError} for a `revision` out of range. */
  get(key: string, signal: AbortSignal, revision?: Revision): Promise<Entry | undefined>;
  /** Entries in key order. @throws {CompactedError} {@link FutureRevisionError} */
  range(request: RangeRequest, signal: AbortSignal): Promise<RangeResult>;
  /**
   * Resolves when the write is durable (power loss does not undo it) or refused. Writers that wait
   * at the same time share one flush. Watchers see the event no later than the promise resolves.
   * Each write has a revision of its own, so that a watch can resume between any two.
   * @throws {StoreUnavailableError} when it could not be made durable.
   */
  write(write: Write, signal: AbortSignal): Promise<WriteResult>;
  /**
   * Yields every change of keys in [start, end) after revision `after`, in order, without gaps,
   * each once; `progress` at least every few seconds while nothing changes, and at once after
   * {@link requestProgress}. Ends when the signal aborts.
   * @throws {CompactedError} when `after` is older than the compaction, or the consumer fell
   * further behind than the store keeps.
   */
  watch(
    range: { readonly start: string; readonly end: string },
    after: Revision,
    signal: AbortSignal,
  ): AsyncIterable<WatchBatch>;
  /** Asks every watch of this process to yield a `progress` no older than the current revision. */
  requestProgress(): void;
  /** Forgets history up to and including `revision`; current values stay. Idempotent. */
  compact(revision: Revision, signal: AbortSignal): Promise<void>;
  /** A lease: keys written with it are deleted when it is not renewed for `ttlSeconds`. */
  grantLease(ttlSeconds: number, signal: AbortSignal): Promise<LeaseId>;
  /** False when the lease had ended already. */
  renewLease(id: LeaseId, signal: AbortSignal): Promise<boolean>;
  revokeLease(id: LeaseId, signal: AbortSignal): Promise<void>;
  /** Bytes that the database takes on disk; 0 in memory. */
  sizeBytes(signal: AbortSignal): Promise<number>;
}

/** The first key after all keys that start with `prefix`. */
export function prefixEnd(prefix: string): string {
  const last = prefix.charCodeAt(prefix.length - 1);
  return prefix.slice(0, -1) + String.fromCharCode(last + 1);
}
