import type { Json } from "#api/object.ts";
import type { AttemptResult, Job, Question } from "#workflows/worker/protocol.ts";

/** What an executor tells about the jobs that it was given. */
export interface JobEvents {
  /** The try has ended; called once for each job that was started. */
  ended(job: Job, result: AttemptResult): void;
  /** The try asks something. @throws {Error} whose message the task sees. */
  ask(job: Job, question: Question): Promise<Json>;
}

/** Runs jobs somewhere. */
export interface Executor extends AsyncDisposable {
  /** How many more jobs it takes right now. */
  free(): number;
  /** The attempts that it has, from their start until their end is told. */
  attempts(): readonly string[];
  /** Starts a job; its end is told to {@link JobEvents}. */
  start(job: Job): void;
  /** Ends a job that is running; its end is told as a failure with this reason. */
  cancel(attempt: string, reason: string): void;
}
