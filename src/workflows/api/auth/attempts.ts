import type { Clock } from "#base/clock.ts";

/** Wrong passwords of one name or address in a window. */
const failuresMax = 10;
const windowMs = 60_000;
/** Names and addresses that are remembered. */
const knownMax = 10_000;

/** Slows down who guesses passwords. */
export class LoginAttempts {
  readonly #clock: Clock;
  readonly #failures = new Map<string, { since: number; count: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Seconds to wait before the next attempt; undefined: none. */
  waitSeconds(keys: readonly string[]): number | undefined {
    const now = this.#clock.monotonic();
    const waits = keys.flatMap((key) => {
      const it = this.#failures.get(key);
      if (it === undefined || it.count < failuresMax || it.since + windowMs <= now) return [];
      return [Math.ceil((it.since + windowMs - now) / 1_000)];
    });
    return waits.length === 0 ? undefined : Math.max(...waits);
  }

  failed(keys: readonly string[]): void {
    const now = this.#clock.monotonic();
    for (const key of keys) {
      const known = this.#failures.get(key);
      this.#failures.delete(key);
      if (known === undefined || known.since + windowMs <= now) {
        this.#failures.set(key, { since: now, count: 1 });
      } else {
        this.#failures.set(key, { since: known.since, count: known.count + 1 });
      }
    }
    const [oldest] = this.#failures.keys();
    if (this.#failures.size > knownMax && oldest !== undefined) this.#failures.delete(oldest);
  }
}
