import { assert } from "#base/assert.ts";
import { CompactedError, type Revision, type StoreEvent, type WatchBatch } from "./store.ts";

/** Events handed to a watcher at once, at most; between two batches others get their turn. */
const batchMax = 1_000;

export interface KeyRange {
  readonly start: string;
  readonly end: string;
}

/** Reads events that the hub holds no more, `from` to `to` inclusive, at most {@link batchMax}. */
export type ReadHistory = (from: Revision, to: Revision) => Promise<readonly StoreEvent[]>;

interface Watcher {
  wake: (() => void) | undefined;
  progress: boolean;
}

/**
 * Hands the events of a store to its watchers. Holds the newest events in memory; a watcher that
 * starts further back reads the rest from history. Every revision has exactly one event, so an
 * event's place is its revision: with events 5 6 7 held, `first` is 5 and revision 7 is at index 2.
 */
export class WatchHub {
  readonly #watchers = new Set<Watcher>();
  readonly #readHistory: ReadHistory;
  readonly #heldMax: number;
  #held: StoreEvent[] = [];
  /** Revision of `#held[0]`; one past the last published revision when nothing is held. */
  #first: Revision;
  #compacted: Revision;

  constructor(options: {
    readonly revision: Revision;
    readonly compacted: Revision;
    /** Events kept in memory, at most. */
    readonly heldMax: number;
    readonly readHistory: ReadHistory;
  }) {
    this.#first = options.revision + 1;
    this.#compacted = options.compacted;
    this.#heldMax = options.heldMax;
    this.#readHistory = options.readHistory;
  }

  /** The last revision that was published. */
  get revision(): Revision {
    return this.#first + this.#held.length - 1;
  }

  get compacted(): Revision {
    return this.#compacted;
  }

  publish(event: StoreEvent): void {
    assert(revisionOf(event) === this.revision + 1, "publish: revisions have no gaps");
    this.#held.push(event);
    // Trimmed in steps: one shift of the array for many events.
    if (this.#held.length > this.#heldMax * 2) this.#drop(this.#held.length - this.#heldMax);
    this.#wakeAll();
  }

  compact(revision: Revision): void {
    if (revision <= this.#compacted) return;
    this.#compacted = revision;
    const drop = Math.min(revision + 1 - this.#first, this.#held.length);
    if (drop > 0) this.#drop(drop);
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
        if (next <= this.revision) {
          const batch = await this.#read(next);
          const last = batch.at(-1);
          if (last === undefined) throw new CompactedError(this.#compacted);
          next = revisionOf(last) + 1;
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
    if (from >= this.#first) {
      const at = from - this.#first;
      return this.#held.slice(at, at + batchMax);
    }
    return await this.#readHistory(from, Math.min(this.#first - 1, from + batchMax - 1));
  }

  #drop(count: number): void {
    this.#held = this.#held.slice(count);
    this.#first += count;
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
