import type { Clock } from "#base/clock.ts";
import { requestTimeoutMs } from "./limits.ts";

const tickMs = 1_000;

/** A request that must end in time. */
export interface Deadline {
  /** Lifts the limit. */
  cancel(): void;
}

interface Running {
  readonly endsAtMs: number;
  readonly expire: () => void;
}

/** The time limits of all requests, looked at once a second: no timer for each of them. */
export class Deadlines {
  readonly #clock: Clock;
  readonly #running = new Set<Running>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  start(expire: () => void): Deadline {
    const running = { endsAtMs: this.#clock.monotonic() + requestTimeoutMs, expire };
    this.#running.add(running);
    return {
      cancel: () => {
        this.#running.delete(running);
      },
    };
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#clock.sleep(tickMs, signal);
      const now = this.#clock.monotonic();
      for (const it of this.#running) {
        // In order of their start: the first that is not due ends the search.
        if (it.endsAtMs > now) break;
        this.#running.delete(it);
        it.expire();
      }
    }
  }
}
