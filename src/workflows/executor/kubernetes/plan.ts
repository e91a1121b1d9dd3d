/** A worker may be away for so long before its node is asked about it, */
export const awayMs = 2_000;
/** and for so long while its node answers. */
export const lostMs = 60_000;

/** What is known of a pod whose task has not ended; times are monotonic. */
export interface TryView {
  /** When it was asked for, got a node, or began to run: the latest of these. */
  readonly since: number;
  /** A node has it. */
  readonly isPlaced: boolean;
  readonly isRunning: boolean;
  /** Its worker has been here. */
  readonly hasCome: boolean;
  /** Since when its worker is not heard of; undefined while it is. */
  readonly awaySince: number | undefined;
}

/** Whether a task is given up, and why. */
export type Verdict =
  "goes on" | "worker silent" | "worker lost" | "worker not come" | "not started";

/**
 * Judges a try about which nothing is heard.
 * @param isBusy some pod of this executor is on a node: room comes when it ends, so what has no node
 *   waits without a limit.
 * @param pendingTimeoutMs for a pod to get a node, to start on it, and for its worker to come: each.
 */
export function judgeTry(
  it: TryView,
  {
    now,
    isBusy,
    pendingTimeoutMs,
  }: { readonly now: number; readonly isBusy: boolean; readonly pendingTimeoutMs: number },
): Verdict {
  if (it.awaySince !== undefined) {
    const away = now - it.awaySince;
    if (away < awayMs) return "goes on";
    return away < lostMs ? "worker silent" : "worker lost";
  }
  if (it.hasCome) return "goes on";
  const waited = now - it.since;
  if (waited < pendingTimeoutMs) return "goes on";
  if (it.isRunning) return "worker not come";
  return !it.isPlaced && isBusy ? "goes on" : "not started";
}
