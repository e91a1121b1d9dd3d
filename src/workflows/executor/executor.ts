import type { Json } from "#api/object.ts";
import type { AttemptResult, Job, Question } from "#workflows/worker/protocol.ts";

/** What an executor tells about the jobs that it was given. */
export interface JobEvents {
  /**
   * The try has ended; called once for each job that was started.
   * @param stored is called when the result is in the database, or changes nothing any more.
   */
  ended(job: Job, result: AttemptResult, stored?: () => void): void;
  /** Lines of the log of a job that has no file for them. */
  logged?(job: Job, text: string): void;
  /** The try asks something. @throws {Error} whose message the task sees. */
  ask(job: Job, question: Question): Promise<Json>;
}

/** Runs jobs somewhere. */
export interface Executor extends AsyncDisposable {
  /** How many more jobs it takes right now. */
  free(): number;
  /** The attempts that it has, from their start until their end is told. */
  attempts(): readonly string[];
  /**
   * How many of the jobs that it has wait for others to end: what is started now begins no sooner
   * than they do. Undefined: none.
   */
  backlog?(): number;
  /**
   * What jobs that were started wait for, in words, by attempt: a place in a cluster, a worker.
   * Undefined: nothing is waited for.
   */
  waits?(): ReadonlyMap<string, string>;
  /** Starts a job; its end is told to {@link JobEvents}. */
  start(job: Job): void;
  /** Ends a job that is running; its end is told as a failure with this reason. */
  cancel(attempt: string, reason: string): void;
  /**
   * Whether a job goes on when this process ends, and is to be given to the scheduler that comes
   * after it. Undefined: jobs end with the process.
   */
  outlives?(task: { readonly queue: string }): boolean;
  /** Takes over a job that outlived its scheduler; its end is told to {@link JobEvents}. */
  adopt?(job: Job): void;
}
