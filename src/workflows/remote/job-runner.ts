import type { Json } from "#api/object.ts";
import type { Clock } from "#base/clock.ts";
import type { JobEvents } from "#workflows/executor/executor.ts";
import { LocalExecutor } from "#workflows/executor/local.ts";
import type { WorkerCommand } from "#workflows/executor/worker-process.ts";
import type { AttemptResult, Job, Question } from "#workflows/worker/protocol.ts";
import type { JobRunner } from "./remote-job.ts";

/** Runs jobs in warm processes of this machine; each job has listeners of its own. */
export class LocalJobRunner implements JobRunner, AsyncDisposable {
  readonly #events = new Map<string, JobEvents>();
  readonly #executor: LocalExecutor;
  readonly #clock: Clock;

  constructor(options: { parallelism: number; command: WorkerCommand }, clock: Clock) {
    const events = {
      ended: (job: Job, result: AttemptResult): void => {
        const own = this.#events.get(job.attempt);
        this.#events.delete(job.attempt);
        own?.ended(job, result);
      },
      ask: (job: Job, question: Question): Promise<Json> => {
        const own = this.#events.get(job.attempt);
        if (own === undefined) return Promise.reject(new Error("the task has ended"));
        return own.ask(job, question);
      },
      logged: (job: Job, text: string): void => {
        this.#events.get(job.attempt)?.logged?.(job, text);
      },
    };
    this.#executor = new LocalExecutor(options, events, clock);
    this.#clock = clock;
  }

  warm(count: number): void {
    this.#executor.warm(count);
  }

  /** Lets processes go that have nothing to do, down to `count`, until the signal aborts. */
  async shrinkEvery(ms: number, count: number, signal: AbortSignal): Promise<void> {
    let goesOn = true;
    while (goesOn) {
      goesOn = await this.#clock.sleep(ms, signal).then(
        () => true,
        () => false,
      );
      if (goesOn) this.#executor.shrink(count);
    }
  }

  start(job: Job, events: JobEvents): void {
    this.#events.set(job.attempt, events);
    this.#executor.start(job);
  }

  cancel(attempt: string, reason: string): void {
    this.#executor.cancel(attempt, reason);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#executor[Symbol.asyncDispose]();
  }
}
