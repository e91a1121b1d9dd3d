/** Ends pods before a process goes; undefined: within what is configured, 0 being not at all. */
export type DrainPart = (graceMs: number | undefined) => Promise<void>;

/** What `gantry down --drain` gives pods where nothing is configured. */
export const drainGraceMs = 30_000;

/** The nodes of this process that end their pods before it goes, when it is asked to. */
export class Drain {
  readonly #parts = new Set<DrainPart>();

  /** Until the result is disposed. */
  add(part: DrainPart): Disposable {
    this.#parts.add(part);
    return {
      [Symbol.dispose]: () => {
        this.#parts.delete(part);
      },
    };
  }

  /** Resolves when every node's pods have ended or their time is over. Never rejects. */
  async run(graceMs: number | undefined): Promise<void> {
    await Promise.allSettled([...this.#parts].map((it) => it(graceMs)));
  }
}

/**
 * Hears the signals that end this process, and aborts `stop` when it may go: at once on SIGINT; on
 * SIGTERM, which a machine that shuts down sends, after what is configured; on SIGUSR2 after all pods
 * have ended.
 */
export function endOnSignals(drain: Drain, stop: AbortController): void {
  const end = (name: string, graceMs: number | undefined): void => {
    drain.run(graceMs).then(
      () => {
        stop.abort(new Error(name));
      },
      () => undefined, // It never rejects.
    );
  };
  process.on("SIGINT", () => {
    stop.abort(new Error("SIGINT"));
  });
  process.on("SIGTERM", () => {
    end("SIGTERM", undefined);
  });
  process.on("SIGUSR2", () => {
    end("SIGUSR2", drainGraceMs);
  });
}
