/** Where a scheduler awaits workers. */
export interface SchedulerAddress {
  /** `http://host:port` or `https://…`. */
  readonly url: string;
  /** PEM of who may sign its certificate; undefined where the system's authorities will do. */
  readonly certificateAuthority?: string | undefined;
}

/** What finds a message again. */
export interface QueuedTry {
  readonly attempt: string;
  readonly queue: string;
}

/** What a worker of a named queue takes: where it gets a job, and by what right. */
export interface QueuedJob extends QueuedTry {
  /** The heavier are taken first, of those of one queue. */
  readonly weight: number;
  /** Never empty; the first has the job, and another when that has ended. */
  readonly schedulers: readonly SchedulerAddress[];
  readonly token: string;
}

/**
 * How word of a job travels from a scheduler to a worker. It is no more than word: a message may be
 * lost or come twice, since the scheduler sends again what no worker has come for, and lets one worker
 * alone have a try. All methods throw when the broker cannot be reached, within seconds.
 */
export interface Broker extends AsyncDisposable {
  /** Adds a message; one about the same try that still waits is replaced. */
  put(job: QueuedJob): Promise<void>;
  /** Takes up to `count` messages out of the queues, each for this worker alone. */
  take(queues: readonly string[], count: number): Promise<readonly QueuedJob[]>;
  /** The attempts among these whose messages wait in their queues. */
  waiting(tries: readonly QueuedTry[]): Promise<ReadonlySet<string>>;
  /** Takes a message back, if it still waits. */
  remove(it: QueuedTry): Promise<void>;
  /**
   * Calls `listener` soon after a message was put into one of the queues, and after a time in which that
   * could not be heard; it may be called for nothing. Begins even where the broker cannot be reached yet.
   */
  listen(queues: readonly string[], listener: () => void): Promise<AsyncDisposable>;
}
