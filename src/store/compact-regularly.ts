import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import { CompactedError, type Revision, type Store } from "./store.ts";

export interface CompactionPolicy {
  /** History younger than this stays, so that watches and list pages can go on. */
  readonly keepMs: number;
  /** However young, no more revisions than this stay: a bound on the database under heavy writes. */
  readonly keepRevisions: number;
}

/** As kube-apiserver's `--etcd-compaction-interval`, which is five minutes. */
export const defaultCompaction: CompactionPolicy = { keepMs: 300_000, keepRevisions: 1_000_000 };

/** Looks between two compactions of one `keepMs`: the revisions bound is held this closely. */
const looksPerPeriod = 5;

/**
 * Compacts a store until the signal aborts. A failure is logged and tried again at the next look;
 * with several hosts on one etcd, each may run it.
 */
export async function compactRegularly(
  store: Store,
  policy: CompactionPolicy,
  ports: { readonly clock: Clock; readonly log: Logger },
  signal: AbortSignal,
): Promise<void> {
  const looks: Revision[] = [];
  for (;;) {
    try {
      await ports.clock.sleep(policy.keepMs / looksPerPeriod, signal);
      looks.push(await store.currentRevision(signal));
      const revision = revisionToCompact(looks, policy.keepRevisions);
      if (revision !== undefined) await store.compact(revision, signal);
      if (looks.length > looksPerPeriod) looks.shift();
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof CompactedError)) {
        ports.log.error("compaction failed", { error: error as Error });
      }
    }
  }
}

/**
 * What may go, given the revisions of the last looks, oldest first: the state of one whole period
 * ago, or more where that would keep too many.
 */
export function revisionToCompact(
  looks: readonly Revision[],
  keepRevisions: number,
): Revision | undefined {
  const oldest = looks.length > looksPerPeriod ? looks[0] : undefined;
  const newest = looks.at(-1) ?? 0;
  const overflow = newest - keepRevisions;
  const revision = Math.max(oldest ?? 0, overflow);
  return revision > 0 ? revision : undefined;
}
