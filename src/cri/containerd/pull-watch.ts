import type { Clock } from "#base/clock.ts";

/** How much containerd has of each blob that is under way, by the name of its write. */
export type Ingests = ReadonlyMap<string, bigint>;

/** A registry that sends nothing for this long is taken to hang. */
export const stallMsMax = 60_000;
const lookMs = 5_000;

/**
 * Resolves when a pull has not moved for {@link stallMsMax}: no blob has begun yet, or none of those
 * under way has grown. While blobs were seen and none is under way, layers are being unpacked, which
 * is no fault of a registry. What other pulls receive counts, too: containerd does not tell whose a
 * blob is. `look` gives undefined when containerd cannot say.
 * @throws the signal's reason once it aborts.
 */
export async function untilStalled(
  look: (signal: AbortSignal) => Promise<Ingests | undefined>,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  let last: Ingests = new Map();
  let hasBegun = false;
  let movedAt = clock.monotonic();
  for (;;) {
    await clock.sleep(lookMs, signal);
    const seen = await look(signal);
    const isUnpacking = seen?.size === 0 && hasBegun;
    if (seen === undefined || isUnpacking || hasMoved(last, seen)) movedAt = clock.monotonic();
    if (clock.monotonic() - movedAt >= stallMsMax) return;
    last = seen ?? last;
    hasBegun ||= last.size > 0;
  }
}

function hasMoved(before: Ingests, now: Ingests): boolean {
  if (before.size !== now.size) return true;
  return [...now].some(([ref, offset]) => before.get(ref) !== offset);
}
