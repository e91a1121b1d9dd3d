import { assert } from "#base/assert.ts";
import type { Clock } from "#base/clock.ts";
import { TaskGroup } from "#base/task-group.ts";
import type { LeaseTable } from "#store/leases.ts";
import {
  CompactedError,
  FutureRevisionError,
  StoreUnavailableError,
  type Entry,
  type LeaseId,
  type RangeRequest,
  type RangeResult,
  type Revision,
  type Store,
  type StoreEvent,
  type WatchBatch,
  type Write,
  type WriteResult,
} from "#store/store.ts";
import { WatchHub, type KeyRange } from "#store/watch-hub.ts";
import { LmdbFile } from "./file.ts";
import { loadLog } from "./load.ts";
import { compactedKey, leasePrefix } from "./names.ts";
import { decodeHead, encodeRecord, revisionKey, valueOf, type RecordHead } from "./record.ts";
import type { Version, VersionIndex } from "./version-index.ts";

export interface LmdbOptions {
  /** Made if it does not exist. One process at a time may have it open; `main` holds the lock. */
  readonly directory: string;
  readonly clock: Clock;
  /** Puts are refused once the database takes this much; deletes and compaction go on. */
  readonly quotaBytes: number;
}

/** Events kept in memory for watchers, at most; older ones are read from the file. */
const heldMax = 10_000;
/** Writes in one commit, and their bytes, at most. The bytes stay below the file's room ahead. */
const commitWritesMax = 1_000;
const commitBytesMax = 8 * 1_048_576;
/** Writes that wait for a commit, at most; one more is refused. */
const queueMax = 50_000;
/** Bytes written between two looks at how full the database is; fewer for a small quota. */
const lookEveryMaxBytes = 1_048_576;
/** Revisions read from the file for a watcher at once. */
const historyMax = 1_000;
const tickMs = 5_000;
const leaseTickMs = 500;

interface Queued {
  readonly write: Write;
  readonly resolve: (result: WriteResult) => void;
  readonly reject: (error: unknown) => void;
}

/** A write whose condition held and which the next commit carries. */
interface Decided {
  readonly queued: Queued;
  readonly revision: Revision;
  readonly version: Version;
  readonly entry: Entry | undefined;
  readonly previous: Version | undefined;
}

/**
 * The embedded store: a log of revisions in LMDB, an index of keys in memory. One commit is in
 * flight at a time; whoever wrote meanwhile shares the next one and its two flushes.
 */
export class LmdbStore implements Store {
  readonly #file: LmdbFile;
  readonly #index: VersionIndex;
  readonly #leases: LeaseTable;
  readonly #hub: WatchHub;
  readonly #clock: Clock;
  readonly #quotaBytes: number;
  readonly #tasks = new TaskGroup(() => undefined);
  #queue: Queued[] = [];
  /** The commit loop; undefined when nothing waits. */
  #committing: Promise<void> | undefined;
  #closed = false;
  #bytesSinceLook = 0;
  #full = false;

  private constructor(file: LmdbFile, options: LmdbOptions) {
    const loaded = loadLog(file.database, options.clock.monotonic());
    this.#file = file;
    this.#index = loaded.index;
    this.#leases = loaded.leases;
    this.#clock = options.clock;
    this.#quotaBytes = options.quotaBytes;
    this.#hub = new WatchHub({
      revision: loaded.revision,
      compacted: loaded.compacted,
      heldMax,
      readHistory: (from, to) => Promise.resolve(this.#readHistory(from, to)),
    });
    this.#every(tickMs, async () => {
      this.#hub.requestProgress();
      await Promise.resolve();
    });
    this.#every(leaseTickMs, async (signal) => {
      for (const id of this.#leases.due(this.#clock.monotonic()))
        await this.revokeLease(id, signal);
    });
  }

  static async open(options: LmdbOptions): Promise<LmdbStore> {
    // The map is address space, not memory; twice the quota leaves room to delete when full.
    const file = await LmdbFile.open(options.directory, options.quotaBytes * 2);
    return new LmdbStore(file, options);
  }

  currentRevision(): Promise<Revision> {
    return Promise.resolve(this.#hub.revision);
  }

  async get(key: string, signal: AbortSignal, revision?: Revision): Promise<Entry | undefined> {
    signal.throwIfAborted();
    this.#check(revision);
    const version = this.#index.find(key, revision);
    return await Promise.resolve(version === undefined ? undefined : this.#entry(key, version));
  }

  async range(request: RangeRequest, signal: AbortSignal): Promise<RangeResult> {
    signal.throwIfAborted();
    this.#check(request.revision);
    const entries: Entry[] = [];
    let count = 0;
    for (const [key, version] of this.#index.range(request.start, request.end, request.revision)) {
      count += 1;
      if (request.limit === 0 || entries.length < request.limit) {
        const entry = this.#entry(key, version);
        if (entry !== undefined) entries.push(entry);
      }
    }
    return await Promise.resolve({ entries, count, revision: this.#hub.revision });
  }

  write(write: Write, signal: AbortSignal): Promise<WriteResult> {
    if (signal.aborted) return Promise.reject(signal.reason as Error);
    if (this.#closed) return Promise.reject(unavailable("the store is closed"));
    if (this.#queue.length >= queueMax) {
      return Promise.reject(unavailable(`more than ${queueMax} writes wait for the disk`));
    }
    return new Promise((resolve, reject) => {
      this.#queue.push({ write, resolve, reject });
      // Started after this turn of the loop, so that writers of the same turn share the commit.
      this.#committing ??= Promise.resolve().then(async () => {
        await this.#commitLoop();
      });
    });
  }

  watch(range: KeyRange, after: Revision, signal: AbortSignal): AsyncIterable<WatchBatch> {
    return this.#hub.watch(range, after, signal);
  }

  requestProgress(): void {
    this.#hub.requestProgress();
  }

  async compact(revision: Revision, signal: AbortSignal): Promise<void> {
    if (revision > this.#hub.revision) throw new FutureRevisionError(this.#hub.revision);
    if (revision <= this.#hub.compacted) return;
    const { database } = this.#file;
    // The mark goes first: after a crash in between, reads below it are refused all the same, and
    // the leftovers are found again when the log is loaded.
    await database.put(compactedKey, revisionKey(revision));
    this.#hub.compact(revision);
    const removed = this.#index.compact(revision);
    this.#bytesSinceLook = lookEveryMaxBytes;
    for (let at = 0; at < removed.length; at += commitWritesMax) {
      signal.throwIfAborted();
      await database.batch(() => {
        for (const gone of removed.slice(at, at + commitWritesMax)) {
          database.remove(revisionKey(gone)).catch(() => undefined); // The batch reports it.
        }
      });
    }
  }

  async grantLease(ttlSeconds: number, signal: AbortSignal): Promise<LeaseId> {
    signal.throwIfAborted();
    const id = crypto.randomUUID();
    this.#leases.grant(id, ttlSeconds, this.#clock.monotonic());
    await this.#file.database.put(leaseKey(id), Buffer.from(String(ttlSeconds)));
    return id;
  }

  renewLease(id: LeaseId): Promise<boolean> {
    return Promise.resolve(this.#leases.renew(id, this.#clock.monotonic()));
  }

  async revokeLease(id: LeaseId, signal: AbortSignal): Promise<void> {
    // All are looked up before any is deleted: a key that is put again meanwhile stays.
    const deletes = this.#leases.end(id).flatMap((key) => {
      const version = this.#index.find(key);
      return version === undefined ? [] : [{ key, ifModRevision: version.revision }];
    });
    await Promise.all(deletes.map((it) => this.write({ kind: "delete", ...it }, signal)));
    await this.#file.database.remove(leaseKey(id));
  }

  sizeBytes(): Promise<number> {
    return Promise.resolve(this.#file.usedBytes());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await this.#tasks[Symbol.asyncDispose]();
    await this.#committing;
    await this.#file.database.close();
  }

  #check(revision: Revision | undefined): void {
    if (revision === undefined) return;
    if (revision > this.#hub.revision) throw new FutureRevisionError(this.#hub.revision);
    if (revision < this.#hub.compacted) throw new CompactedError(this.#hub.compacted);
  }

  #entry(key: string, version: Version): Entry | undefined {
    const record = this.#file.database.getBinary(revisionKey(version.revision));
    if (record === undefined) return undefined;
    const { createRevision, revision: modRevision } = version;
    return { key, value: valueOf(record), createRevision, modRevision };
  }

  async #commitLoop(): Promise<void> {
    try {
      while (this.#queue.length > 0) {
        const decided = this.#decide();
        if (decided.length > 0) await this.#commit(decided);
      }
    } finally {
      this.#committing = undefined;
    }
  }

  /** Takes writes off the queue, answers those whose condition fails, and numbers the others. */
  #decide(): Decided[] {
    const decided: Decided[] = [];
    const within = new Map<string, Decided>();
    const full = this.#isFull();
    let taken = 0;
    let bytes = 0;
    const waiting = this.#queue;
    const again: Queued[] = [];
    for (const queued of waiting) {
      if (decided.length >= commitWritesMax || bytes >= commitBytesMax) break;
      taken += 1;
      const { write } = queued;
      if (full && write.kind === "put") {
        queued.reject(unavailable(`the database reached its quota of ${this.#quotaBytes} bytes`));
        continue;
      }
      const earlier = within.get(write.key);
      const current = earlier === undefined ? this.#index.find(write.key) : liveVersion(earlier);
      if (!holds(write, current)) {
        // Against a write of this very commit the answer would not be durable yet: ask again.
        if (earlier === undefined) this.#refuse(queued, current);
        else again.push(queued);
        continue;
      }
      if (write.kind === "put" && write.lease !== undefined && !this.#leases.has(write.lease)) {
        queued.reject(new Error(`lease ${write.lease} has ended; grant a new one`));
        continue;
      }
      const one = numbered(queued, this.#hub.revision + decided.length + 1, current);
      decided.push(one);
      within.set(write.key, one);
      bytes += write.kind === "put" ? write.value.length : 0;
    }
    this.#bytesSinceLook += bytes;
    this.#queue = [...again, ...waiting.slice(taken)];
    return decided;
  }

  /** Looks at the file once a megabyte: its statistics cost more than a small write. */
  #isFull(): boolean {
    if (this.#bytesSinceLook >= Math.min(lookEveryMaxBytes, this.#quotaBytes / 10)) {
      this.#bytesSinceLook = 0;
      this.#full = this.#file.liveBytes() >= this.#quotaBytes;
    }
    return this.#full;
  }

  #refuse(queued: Queued, current: Version | undefined): void {
    const entry = current && this.#entry(queued.write.key, current);
    queued.resolve({ kind: "conflict", current: entry });
  }

  async #commit(decided: readonly Decided[]): Promise<void> {
    const { database } = this.#file;
    try {
      await this.#file.extendIfNeeded();
      const committed = database.batch(() => {
        for (const it of decided) {
          database.put(revisionKey(it.revision), recordOf(it)).catch(() => undefined); // As above.
        }
      });
      await committed;
    } catch (error) {
      this.#failed(decided, error);
      return;
    }
    for (const it of decided) this.#publish(it);
  }

  #publish(it: Decided): void {
    const { write } = it.queued;
    const previous = it.previous && this.#entry(write.key, it.previous);
    this.#index.add(write.key, it.version);
    this.#leases.attach(write.key, write.kind === "put" ? write.lease : undefined);
    this.#hub.publish(
      it.entry === undefined
        ? { kind: "delete", key: write.key, revision: it.revision, previous }
        : { kind: "put", entry: it.entry, previous },
    );
    it.queued.resolve({ kind: "ok", revision: it.revision, previous });
  }

  /** A commit is one transaction: the file has all of it or nothing. */
  #failed(decided: readonly Decided[], cause: unknown): void {
    const first = decided[0];
    const applied =
      first !== undefined && this.#file.database.doesExist(revisionKey(first.revision));
    for (const it of decided) {
      if (applied) this.#publish(it);
      else it.queued.reject(unavailable("the write could not be stored", cause));
    }
  }

  #readHistory(from: Revision, to: Revision): StoreEvent[] {
    if (from <= this.#hub.compacted) throw new CompactedError(this.#hub.compacted);
    const events: StoreEvent[] = [];
    for (let revision = from; revision <= Math.min(to, from + historyMax); revision++) {
      const record = this.#file.database.getBinary(revisionKey(revision));
      assert(record !== undefined, "history above the compaction is on disk");
      events.push(this.#eventOf(revision, decodeHead(record), valueOf(record)));
    }
    return events;
  }

  #eventOf(revision: Revision, head: RecordHead, value: Buffer): StoreEvent {
    const { key, previousRevision } = head;
    const old =
      previousRevision === 0
        ? undefined
        : this.#file.database.getBinary(revisionKey(previousRevision));
    const previous: Entry | undefined = old && {
      key,
      value: valueOf(old),
      createRevision: decodeHead(old).createRevision,
      modRevision: previousRevision,
    };
    if (head.kind === "delete") return { kind: "delete", key, revision, previous };
    const { createRevision } = head;
    return { kind: "put", entry: { key, value, createRevision, modRevision: revision }, previous };
  }

  #every(ms: number, act: (signal: AbortSignal) => Promise<void>): void {
    this.#tasks.start(async (signal) => {
      while (!signal.aborted) {
        await this.#clock.sleep(ms, signal);
        await act(signal);
      }
    });
  }
}

function holds(write: Write, current: Version | undefined): boolean {
  if (write.kind === "delete" && current === undefined) return false;
  return (current?.revision ?? 0) === write.ifModRevision;
}

function numbered(queued: Queued, revision: Revision, previous: Version | undefined): Decided {
  const { write } = queued;
  if (write.kind === "delete") {
    return {
      queued,
      revision,
      version: { revision, createRevision: 0 },
      entry: undefined,
      previous,
    };
  }
  const createRevision = previous?.createRevision ?? revision;
  const entry = { key: write.key, value: write.value, createRevision, modRevision: revision };
  return { queued, revision, version: { revision, createRevision }, entry, previous };
}

function liveVersion(it: Decided): Version | undefined {
  return it.version.createRevision === 0 ? undefined : it.version;
}

function recordOf(it: Decided): Buffer {
  const { write } = it.queued;
  const head: RecordHead = {
    kind: write.kind,
    createRevision: it.version.createRevision,
    previousRevision: it.previous?.revision ?? 0,
    key: write.key,
    lease: write.kind === "put" ? write.lease : undefined,
  };
  return encodeRecord(head, it.entry?.value);
}

function leaseKey(id: LeaseId): Buffer {
  return Buffer.from(leasePrefix + id);
}

function unavailable(message: string, cause?: unknown): StoreUnavailableError {
  return new StoreUnavailableError(message, { maybeApplied: false, cause });
}
