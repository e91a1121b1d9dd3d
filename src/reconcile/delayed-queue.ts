import type { Clock } from "#base/clock.ts";

/**
 * Keys that are due later. A key waits once: of several requests the earliest counts. One sleep
 * runs at a time, for the earliest key, however many wait.
 */
export class DelayedQueue<K> {
  readonly #clock: Clock;
  readonly #due = new Map<K, number>();
  readonly #onDue: (key: K) => void;
  readonly #signal: AbortSignal;
  #sleep: { readonly at: number; readonly stop: AbortController } | undefined;

  /** @param onDue called once for each key whose time has come, until `signal` aborts. */
  constructor(clock: Clock, onDue: (key: K) => void, signal: AbortSignal) {
    this.#clock = clock;
    this.#onDue = onDue;
    this.#signal = signal;
  }

  /** Keys that wait for their time. */
  get size(): number {
    return this.#due.size;
  }

  add(key: K, afterMs: number): void {
    const at = this.#clock.monotonic() + Math.max(0, afterMs);
    const present = this.#due.get(key);
    if (present !== undefined && present <= at) return;
    this.#due.set(key, at);
    if (this.#sleep === undefined || at < this.#sleep.at) this.#sleepUntil(at);
  }

  #sleepUntil(at: number): void {
    this.#sleep?.stop.abort();
    const stop = new AbortController();
    this.#sleep = { at, stop };
    const ms = Math.max(0, at - this.#clock.monotonic());
    this.#clock.sleep(ms, AbortSignal.any([stop.signal, this.#signal])).then(
      () => {
        this.#wake();
      },
      () => undefined, // Replaced by an earlier sleep, or the owner has stopped.
    );
  }

  #wake(): void {
    this.#sleep = undefined;
    const now = this.#clock.monotonic();
    let earliest = Infinity;
    for (const [key, at] of this.#due) {
      if (at > now) {
        earliest = Math.min(earliest, at);
        continue;
      }
      this.#due.delete(key);
      this.#onDue(key);
    }
    if (earliest < Infinity) this.#sleepUntil(earliest);
  }
}
