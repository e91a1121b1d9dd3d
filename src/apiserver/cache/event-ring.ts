import type { CacheEvent } from "./cache-event.ts";

/** Bytes of events that one kind keeps for watchers that resume or lag. */
export const ringBytesMax = 64 * 1024 * 1024;
/** Events that one kind keeps at most. */
export const ringEventsMax = 65_536;
/** A ring that nobody writes to shrinks to this. */
const ringQuietBytes = 1024 * 1024;

/**
 * The latest changes of one kind, numbered without gaps from 0: event `n` is at sequence `n`.
 * The oldest are dropped when the ring is full.
 */
export class EventRing {
  #events: (CacheEvent | undefined)[] = [];
  /** Position in `#events` of the oldest kept one. */
  #head = 0;
  #first = 0;
  #bytes = 0;
  #floor: number;

  /** @param floor revision after which the ring will know every change. */
  constructor(floor: number) {
    this.#floor = floor;
  }

  /** Sequence of the oldest event kept. */
  get first(): number {
    return this.#first;
  }

  /** Sequence that the next event gets. */
  get next(): number {
    return this.#first + this.#events.length - this.#head;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Every change after this revision is in the ring. */
  get floor(): number {
    return this.#floor;
  }

  append(event: CacheEvent): void {
    this.#events.push(event);
    this.#bytes += sizeOf(event);
    while (this.#bytes > ringBytesMax || this.next - this.#first > ringEventsMax) this.#drop();
  }

  /** Drops events older than `revision` until little is left. */
  trim(revision: number): void {
    while (this.#bytes > ringQuietBytes && (this.at(this.#first)?.revision ?? revision) < revision)
      this.#drop();
  }

  at(sequence: number): CacheEvent | undefined {
    return this.#events[sequence - this.#first + this.#head];
  }

  /**
   * Sequence of the first event after `revision`; undefined when some may have been dropped.
   */
  after(revision: number): number | undefined {
    if (revision < this.#floor) return undefined;
    let low = this.#first;
    let high = this.next;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.at(middle)?.revision ?? 0) <= revision) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #drop(): void {
    const event = this.#events[this.#head];
    if (event === undefined) return;
    this.#events[this.#head] = undefined;
    this.#head++;
    this.#first++;
    this.#floor = event.revision;
    this.#bytes -= sizeOf(event);
    if (this.#head > 1024 && this.#head * 2 > this.#events.length) {
      this.#events = this.#events.slice(this.#head);
      this.#head = 0;
    }
  }
}

function sizeOf(event: CacheEvent): number {
  return event.object.length + (event.previous?.length ?? 0) + 256;
}
