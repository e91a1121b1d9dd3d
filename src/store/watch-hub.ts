import { assert } from "#base/assert.ts";
import { CompactedError, type Revision, type StoreEvent, type WatchBatch } from "./store.ts";

/** Events handed to a watcher at once, at most; between two batches others get their turn. */
const batchMax = 1_000;

export interface KeyRange {
  readonly start: string;
  readonly end: string;
}

/**
 * Reads events that the hub holds no more: from the first one at or after `from` up to `to`, at
 * most about {@link batchMax}, never part of a revision. The result is not empty when the hub once
 * published events there. @throws {CompactedError}
 */
export type ReadHistory = (from: Revision, to: Revision) => Promise<readonly StoreEvent[]>;

interface Watcher {
  wake: (() => void) | undefined;
  progress: boolean;
}

/**
 * Hands the events of a store to its watchers. Holds the newest events in memory; a watcher that
 * starts further back reads the rest from history. Worked example: with events of the revisions
 * 5 6 6 9 held and everything up to 10 known, `first` is 5, `revision` is 10, and a watcher at 7
 * goes on with the event of 9 and is then at 11.
 */
export class WatchHub {
  readonly #watchers = new Set<Watcher>();
  readonly #readHistory: ReadHistory;
  readonly #heldMax: number;
  /** In the order of their revisions. */
  #held: StoreEvent[] = [];
  /** Everything at or after this revision is in `#held`. */
  #first: Revision;
  #revision: Revision;
  #compacted: Revision;

  constructor(options: {
    readonly revision: Revision;
    readonly compacted: Revision;
    /** Events kept in memory, at most about twice this. */
    readonly heldMax: number;
    readonly readHistory: ReadHistory;
  }) {
    this.#first = options.revision + 1;
    this.#revision = options.revision;
    this.#compacted = options.compacted;
    this.#heldMax = options.heldMax;
    this.#readHistory = options.readHistory;
  }

  /** Everything up to here was published. */
  get revision(): Revision {
    return this.#revision;
  }

  get compacted(): Revision {
    return this.#compacted;
  }

  /** All events of one revision or of several, in order. */
  publish(...events: readonly StoreEvent[]): void {
    const last = events.at(-1);
    if (last === undefined) return;
    assert(revisionOf(last) > this.#revision, "publish: revisions rise");
    this.#held.push(...events);
    this.#revision = revisionOf(last);
    // Trimmed in steps: one copy of the array for many events.
    if (this.#held.length > this.#heldMax * 2) this.#trim();
    this.#wakeAll();
  }

  compact(revision: Revision): void {
    if (revision <= this.#compacted) return;
    this.#compacted = revision;
    if (revision >= this.#first) {
      this.#held = this.#held.slice(this.#indexOf(revision + 1));
      this.#first = revision + 1;
      this.#revision = Math.max(this.#revision, revision);
    }
    this.#wakeAll();
  }

  requestProgress(): void {
    for (const watcher of this.#watchers) watcher.progress = true;
    this.#wakeAll();
  }

  /** See `Store.watch`. */
  async *watch(
    range: KeyRange,
    after: Revision,
    signal: AbortSignal,
  ): AsyncGenerator<WatchBatch, void> {
    const watcher: Watcher = { wake: undefined, progress: false };
    function wake(): void {
      watcher.wake?.();
    }
    signal.addEventListener("abort", wake);
    this.#watchers.add(watcher);
    try {
      let next = after + 1;
      while (!signal.aborted) {
        if (next <= this.#compacted) throw new CompactedError(this.#compacted);
        if (next <= this.#revision) {
          const upTo = this.#revision;
          const batch = await this.#read(next);
          const last = batch.at(-1);
          next = last === undefined ? upTo + 1 : revisionOf(last) + 1;
          const events = batch.filter((it) => inRange(range, keyOf(it)));
          if (events.length > 0) yield { kind: "events", revision: next - 1, events };
        } else if (watcher.progress) {
          watcher.progress = false;
          yield { kind: "progress", revision: next - 1 };
        } else {
          await new Promise<void>((resolve) => {
            watcher.wake = resolve;
          });
          watcher.wake = undefined;
        }
      }
    } finally {
      this.#watchers.delete(watcher);
      signal.removeEventListener("abort", wake);
    }
  }

  async #read(from: Revision): Promise<readonly StoreEvent[]> {
    if (from < this.#first) {
      const found = await this.#readHistory(from, this.#first - 1);
      // Nothing between `from` and what is held: go on with that.
      if (found.length > 0) return found;
    }
    const start = this.#indexOf(from);
    let end = Math.min(start + batchMax, this.#held.length);
    // A revision is never split.
    while (end < this.#held.length && this.#revisionAt(end) === this.#revisionAt(end - 1)) end += 1;
    return this.#held.slice(start, end);
  }

  /** Index of the first held event at or after `revision`. */
  #indexOf(revision: Revision): number {
    let low = 0;
    let high = this.#held.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#revisionAt(middle) < revision) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #revisionAt(index: number): Revision {
    const event = this.#held[index];
    return event === undefined ? Number.POSITIVE_INFINITY : revisionOf(event);
  }

  #trim(): void {
    let cut = this.#held.length - this.#heldMax;
    while (this.#revisionAt(cut) === this.#revisionAt(cut - 1)) cut += 1;
    this.#first = this.#revisionAt(cut - 1) + 1;
    this.#held = this.#held.slice(cut);
  }

  #wakeAll(): void {
    for (const watcher of this.#watchers) watcher.wake?.();
  }
}

export function revisionOf(event: StoreEvent): Revision {
  return event.kind === "put" ? event.entry.modRevision : event.revision;
}

export function keyOf(event: StoreEvent): string {
  return event.kind === "put" ? event.entry.key : event.key;
}

function inRange(range: KeyRange, key: string): boolean {
  return key >= range.start && key < range.end;
}
