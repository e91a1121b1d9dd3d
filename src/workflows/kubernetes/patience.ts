import { StatusError } from "#api/status.ts";
import type { Clock } from "#base/clock.ts";
import { TransportError } from "#client/transport.ts";

const pauseMs = 1_000;
/** For informers of a task's own few objects: the task goes on soon after an API server has come back. */
export const watchPauseMsMax = 2_000;

/** Whether the same request may succeed later: full quotas, servers that are away or busy. */
export function mayPass(error: unknown): boolean {
  if (error instanceof TransportError) return true;
  if (!(error instanceof StatusError)) return false;
  if (error.code === 403) return error.message.includes("exceeded quota");
  return error.code === 429 || error.code === 409 || error.code >= 500;
}

/**
 * Does something again while it fails for a reason that may pass.
 * @param told of the first failure. @throws what it failed with last, after `forMs`.
 */
export async function patiently<T>(
  act: () => Promise<T>,
  bounds: { readonly clock: Clock; readonly forMs: number },
  told: (error: unknown) => void,
  signal: AbortSignal,
): Promise<T> {
  const { clock, forMs } = bounds;
  const since = clock.monotonic();
  for (let tries = 1; ; tries += 1) {
    try {
      return await act();
    } catch (error) {
      signal.throwIfAborted();
      if (!mayPass(error) || clock.monotonic() - since >= forMs) throw error;
      if (tries === 1) told(error);
    }
    await clock.sleep(pauseMs, signal);
  }
}
