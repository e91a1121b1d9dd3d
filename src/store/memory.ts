import { assert } from "#base/assert.ts";
import type { Clock } from "#base/clock.ts";
import { TaskGroup } from "#base/task-group.ts";
import { LeaseTable } from "./leases.ts";
import { SortedMap } from "./sorted-map.ts";
import {
  CompactedError,
  FutureRevisionError,
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
} from "./store.ts";
import { WatchHub, type KeyRange } from "./watch-hub.ts";

/** How often idle watches hear `progress`, and how often leases are looked at. */
const tickMs = 5_000;
const leaseTickMs = 500;

/** A value, or the fact of its deletion, from `revision` on. */
interface Version {
  readonly revision: Revision;
  readonly entry: Entry | undefined;
}

/** A store in memory: the reference for the suite, and the one unit tests use. Not durable. */
export class MemoryStore implements Store {
  /** Per key its versions, oldest first; never empty. */
  readonly #versions = new SortedMap<Version[]>();
  readonly #hub: WatchHub;
  readonly #leases = new LeaseTable();
  readonly #clock: Clock;
  readonly #tasks = new TaskGroup(() => undefined);
  #lastLease = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#hub = new WatchHub({
      revision: 1,
      compacted: 0,
      heldMax: Number.MAX_SAFE_INTEGER,
      readHistory: () => Promise.resolve([]),
    });
    this.#every(tickMs, () => {
      this.#hub.requestProgress();
    });
    this.#every(leaseTickMs, () => {
      for (const id of this.#leases.due(clock.monotonic())) this.#endLease(id);
    });
  }

  currentRevision(): Promise<Revision> {
    return Promise.resolve(this.#hub.revision);
  }

  get(key: string, signal: AbortSignal, revision?: Revision): Promise<Entry | undefined> {
    return attempt(signal, () => {
      this.#check(revision);
      return versionAt(this.#versions.get(key), revision);
    });
  }

  range(request: RangeRequest, signal: AbortSignal): Promise<RangeResult> {
    return attempt(signal, () => {
      this.#check(request.revision);
      const entries: Entry[] = [];
      let count = 0;
      for (const [, versions] of this.#versions.range(request.start, request.end)) {
        const entry = versionAt(versions, request.revision);
        if (entry === undefined) continue;
        count += 1;
        if (request.limit === 0 || entries.length < request.limit) entries.push(entry);
      }
      return { entries, count, revision: this.#hub.revision };
    });
  }

  write(write: Write, signal: AbortSignal): Promise<WriteResult> {
    return attempt(signal, () => {
      const current = versionAt(this.#versions.get(write.key), undefined);
      if ((current?.modRevision ?? 0) !== write.ifModRevision) return { kind: "conflict", current };
      if (write.kind === "delete" && current === undefined) return { kind: "conflict", current };
      if (write.kind === "put" && write.lease !== undefined && !this.#leases.has(write.lease)) {
        throw new Error(`lease ${write.lease} has ended; grant a new one`);
      }
      return { kind: "ok", revision: this.#apply(write, current), previous: current };
    });
  }

  watch(range: KeyRange, after: Revision, signal: AbortSignal): AsyncIterable<WatchBatch> {
    return this.#hub.watch(range, after, signal);
  }

  requestProgress(): void {
    this.#hub.requestProgress();
  }

  compact(revision: Revision, signal: AbortSignal): Promise<void> {
    return attempt(signal, () => {
      if (revision > this.#hub.revision) throw new FutureRevisionError(this.#hub.revision);
      if (revision <= this.#hub.compacted) return;
      this.#hub.compact(revision);
      for (const [key, versions] of [...this.#versions.range("", "\uffff")]) {
        const kept = withoutHistory(versions, revision);
        if (kept.length === 0) this.#versions.delete(key);
        else this.#versions.set(key, kept);
      }
    });
  }

  grantLease(ttlSeconds: number, signal: AbortSignal): Promise<LeaseId> {
    return attempt(signal, () => {
      this.#lastLease += 1;
      const id = String(this.#lastLease);
      this.#leases.grant(id, ttlSeconds, this.#clock.monotonic());
      return id;
    });
  }

  renewLease(id: LeaseId, signal: AbortSignal): Promise<boolean> {
    return attempt(signal, () => this.#leases.renew(id, this.#clock.monotonic()));
  }

  revokeLease(id: LeaseId, signal: AbortSignal): Promise<void> {
    return attempt(signal, () => {
      this.#endLease(id);
    });
  }

  sizeBytes(): Promise<number> {
    return Promise.resolve(0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tasks[Symbol.asyncDispose]();
  }

  #check(revision: Revision | undefined): void {
    if (revision === undefined) return;
    if (revision > this.#hub.revision) throw new FutureRevisionError(this.#hub.revision);
    if (revision < this.#hub.compacted) throw new CompactedError(this.#hub.compacted);
  }

  #apply(write: Write, previous: Entry | undefined): Revision {
    const revision = this.#hub.revision + 1;
    const entry: Entry | undefined =
      write.kind === "delete"
        ? undefined
        : {
            key: write.key,
            value: write.value,
            createRevision: previous?.createRevision ?? revision,
            modRevision: revision,
          };
    const versions = this.#versions.get(write.key);
    if (versions === undefined) this.#versions.set(write.key, [{ revision, entry }]);
    else versions.push({ revision, entry });
    this.#leases.attach(write.key, write.kind === "put" ? write.lease : undefined);
    const event: StoreEvent =
      entry === undefined
        ? { kind: "delete", key: write.key, revision, previous }
        : { kind: "put", entry, previous };
    this.#hub.publish(event);
    return revision;
  }

  #endLease(id: LeaseId): void {
    for (const key of this.#leases.end(id)) {
      const current = versionAt(this.#versions.get(key), undefined);
      assert(current !== undefined, "a leased key exists");
      this.#apply({ kind: "delete", key, ifModRevision: current.modRevision }, current);
    }
  }

  #every(ms: number, act: () => void): void {
    this.#tasks.start(async (signal) => {
      while (!signal.aborted) {
        await this.#clock.sleep(ms, signal);
        act();
      }
    });
  }
}

/** Runs `act` as one step of the single writer; a throw becomes a rejection. */
async function attempt<T>(signal: AbortSignal, act: () => T): Promise<T> {
  signal.throwIfAborted();
  return await Promise.resolve(act());
}

/** The entry as of `revision`; the newest when undefined. */
function versionAt(
  versions: readonly Version[] | undefined,
  revision: Revision | undefined,
): Entry | undefined {
  if (versions === undefined) return undefined;
  if (revision === undefined) return versions.at(-1)?.entry;
  return versions.findLast((it) => it.revision <= revision)?.entry;
}

/** Drops versions that only reads before `revision` could see. */
function withoutHistory(versions: readonly Version[], revision: Revision): Version[] {
  const visible = versions.findLastIndex((it) => it.revision <= revision);
  const kept = versions.slice(Math.max(visible, 0));
  return kept.length === 1 && kept[0]?.entry === undefined && visible >= 0 ? [] : kept;
}
