import { Backoff } from "#base/backoff.ts";
import type { Clock } from "#base/clock.ts";

/** How long a failed operation's key stays held before the plan may ask for it again. */
const retry = { initialMs: 1_000, maxMs: 30_000 };

interface Running {
  readonly stop: AbortController;
}

export interface OperationsOptions {
  readonly clock: Clock;
  /** An operation ended, or may be tried again: the pod is to be looked at. */
  readonly onSettled: () => void;
  readonly onError: (key: string, error: unknown) => void;
}

/**
 * The operations under way for one pod, at most one with the same key. One that fails keeps its
 * key for a while, so that a failing runtime is not asked without pause.
 */
export class Operations {
  readonly #options: OperationsOptions;
  readonly #running = new Map<string, Running>();
  readonly #held = new Map<string, number>();
  readonly #backoff = new Backoff<string>(retry);
  readonly #tasks = new Set<Promise<void>>();

  constructor(options: OperationsOptions) {
    this.#options = options;
  }

  /** Keys under way or held back. */
  busy(): ReadonlySet<string> {
    const nowMs = this.#options.clock.monotonic();
    for (const [key, untilMs] of this.#held) if (untilMs <= nowMs) this.#held.delete(key);
    return new Set([...this.#running.keys(), ...this.#held.keys()]);
  }

  /** Keeps a key from being used for a while, though its operation succeeded. */
  hold(key: string, ms: number): void {
    this.#held.set(key, this.#options.clock.monotonic() + ms);
  }

  /** Milliseconds until the first held key is free; undefined when none is held. */
  untilFreeMs(): number | undefined {
    if (this.#held.size === 0) return undefined;
    return Math.max(0, Math.min(...this.#held.values()) - this.#options.clock.monotonic());
  }

  /**
   * Starts an operation; one under the same key that is still under way is aborted, but not
   * waited for. The task's signal aborts with {@link abort} and with `life`.
   */
  start(key: string, task: (signal: AbortSignal) => Promise<void>, life: AbortSignal): void {
    this.#running.get(key)?.stop.abort(new Error("replaced by a later operation"));
    const running: Running = { stop: new AbortController() };
    this.#running.set(key, running);
    const settled = this.#follow(key, running, task(AbortSignal.any([running.stop.signal, life])));
    this.#tasks.add(settled);
    settled.finally(() => this.#tasks.delete(settled)).catch(() => undefined);
  }

  /** Aborts the operations whose key `matches`; they end in their own time. */
  abort(matches: (key: string) => boolean, reason: string): void {
    for (const [key, { stop }] of this.#running) {
      if (matches(key) && !stop.signal.aborted) stop.abort(new Error(reason));
    }
  }

  /** Resolves when nothing is under way. */
  async settled(): Promise<void> {
    await Promise.all(this.#tasks);
  }

  async #follow(key: string, running: Running, task: Promise<void>): Promise<void> {
    try {
      await task;
      this.#backoff.succeed(key);
    } catch (error) {
      if (!running.stop.signal.aborted) {
        this.#held.set(key, this.#options.clock.monotonic() + this.#backoff.fail(key));
        this.#options.onError(key, error);
      }
    }
    if (this.#running.get(key) === running) this.#running.delete(key);
    this.#options.onSettled();
  }
}
