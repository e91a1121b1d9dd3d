/**
 * Owns promises that run beside their starter. Dispose it with `await using`: it aborts the tasks'
 * signal and waits until every one has settled. The first failure is given to `onError` at once.
 */
export class TaskGroup implements AsyncDisposable {
  readonly #running = new Set<Promise<void>>();
  readonly #stop = new AbortController();
  readonly #onError: (error: unknown) => void;

  /** @param onError hears every failure that is not the group's own abort. */
  constructor(onError: (error: unknown) => void) {
    this.#onError = onError;
  }

  /** Aborts when the group is disposed. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /** Number of tasks that have not settled. */
  get size(): number {
    return this.#running.size;
  }

  start(task: (signal: AbortSignal) => Promise<void>): void {
    const running = task(this.#stop.signal).catch((error: unknown) => {
      if (!this.#stop.signal.aborted) this.#onError(error);
    });
    this.#running.add(running);
    running.finally(() => this.#running.delete(running)).catch(() => undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error("task group disposed"));
    await Promise.all(this.#running);
  }
}
