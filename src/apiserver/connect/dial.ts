import type { Clock } from "#base/clock.ts";

/** How long a peer may take to answer a connection, or an upgrade. */
export const dialMs = 30_000;

/** Runs `dial` with a signal that aborts with the caller's, or when it takes too long. */
export async function dialed<T>(
  clock: Clock,
  signal: AbortSignal,
  dial: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const late = new AbortController();
  const done = new AbortController();
  const timer = clock.sleep(dialMs, AbortSignal.any([signal, done.signal])).then(
    () => {
      late.abort(new Error(`no answer within ${dialMs / 1000} s`));
    },
    () => undefined,
  );
  try {
    return await dial(AbortSignal.any([signal, late.signal]));
  } catch (error) {
    // Node's own abort error does not tell the reason.
    throw late.signal.aborted ? late.signal.reason : error;
  } finally {
    done.abort();
    await timer;
  }
}
