/** Those who wait for a condition over state that one owner changes. */
export class Waiters {
  readonly #waiting = new Set<{ readonly condition: () => boolean; readonly wake: () => void }>();

  /** Resolves once `condition` holds; rejects with the signal's reason on abort. */
  until(condition: () => boolean, signal: AbortSignal): Promise<void> {
    if (condition()) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const waiter = {
        condition,
        wake: () => {
          signal.removeEventListener("abort", aborted);
          resolve();
        },
      };
      const aborted = (): void => {
        this.#waiting.delete(waiter);
        reject(signal.reason instanceof Error ? signal.reason : new Error(String(signal.reason)));
      };
      if (signal.aborted) {
        aborted();
        return;
      }
      signal.addEventListener("abort", aborted, { once: true });
      this.#waiting.add(waiter);
    });
  }

  /** The state has changed: wakes everyone whose condition holds now. */
  check(): void {
    for (const waiter of this.#waiting) {
      if (!waiter.condition()) continue;
      this.#waiting.delete(waiter);
      waiter.wake();
    }
  }
}
