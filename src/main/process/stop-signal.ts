/** What aborts when the process is told to end. Disposing of it gives the signals back to the system. */
export interface StopSignal extends Disposable {
  readonly signal: AbortSignal;
}

/**
 * Hears the first SIGINT or SIGTERM; a second one ends the process at once, as it would any program.
 * The abort's reason is an Error that says `reason`, the name of the signal when undefined.
 */
export function stopSignal(reason?: string): StopSignal {
  const stop = new AbortController();
  function hear(name: NodeJS.Signals): void {
    stop.abort(new Error(reason ?? name));
  }
  process.once("SIGINT", hear);
  process.once("SIGTERM", hear);
  return {
    signal: stop.signal,
    [Symbol.dispose]: () => {
      process.off("SIGINT", hear);
      process.off("SIGTERM", hear);
    },
  };
}
