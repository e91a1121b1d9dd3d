/** What is known about a try that workers of a queue are to run. Times are monotonic. */
export interface QueuedTry {
  /** It is still in the queue. */
  readonly waits: boolean;
  /** Its worker has been here. */
  readonly hasCome: boolean;
  /** Since when its worker has not been heard of; undefined while it is. */
  readonly awaySince: number | undefined;
  /** When it was put into the queue, or taken over from another scheduler. */
  readonly since: number;
  /** It was taken over: a worker may have it of which this process knows nothing. */
  readonly adopted: boolean;
}

export type QueuedVerdict =
  | "wait"
  /** Whoever took it has never begun: another may have it. */
  | "requeue"
  /** Nobody knows what became of it. */
  | "lost"
  | "worker-lost"
  /** No worker takes of its queue. */
  | "no-worker";

export interface QueuedLimits {
  /** For a worker to come for a job that it took, and to come back. */
  readonly awayMs: number;
  /** In the queue; Airflow's `task_queued_timeout`. */
  readonly queuedMs: number;
}

export function judgeQueued(it: QueuedTry, now: number, limits: QueuedLimits): QueuedVerdict {
  if (it.awaySince !== undefined) {
    return now - it.awaySince > limits.awayMs ? "worker-lost" : "wait";
  }
  if (it.hasCome) return "wait";
  const waited = now - it.since;
  if (it.waits) return waited > limits.queuedMs ? "no-worker" : "wait";
  // The worker of another scheduler's job needs until it has noticed that, and comes here.
  if (it.adopted) return waited > limits.awayMs + adoptedMs ? "lost" : "wait";
  return waited > limits.awayMs + takenMs ? "requeue" : "wait";
}

const adoptedMs = 10_000;
const takenMs = 6_000;
