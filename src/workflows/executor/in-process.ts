import { TaskGroup } from "#base/task-group.ts";
import type { JobCode } from "#workflows/worker/job-code.ts";
import type { Job } from "#workflows/worker/protocol.ts";
import { divertOutput } from "#workflows/worker/divert-output.ts";
import { runJob } from "#workflows/worker/run-job.ts";
import { TaskLog } from "#workflows/worker/task-log.ts";
import type { WorkerWorld } from "#workflows/worker/worker.ts";
import type { Executor, JobEvents } from "./executor.ts";

/**
 * Runs jobs in this process, one at a time, for looking at a DAG with a terminal or debugger: code
 * that never yields cannot be stopped.
 */
export class InProcessExecutor implements Executor {
  readonly #world: WorkerWorld;
  readonly #code: JobCode;
  readonly #write: (lines: string) => void;
  readonly #events: JobEvents;
  readonly #tasks: TaskGroup;
  #current: { readonly job: Job; readonly stop: AbortController } | undefined;

  /** @param write gets the lines of the jobs' logs, each with the task before it. */
  constructor(
    world: WorkerWorld,
    code: JobCode,
    write: (lines: string) => void,
    events: JobEvents,
  ) {
    this.#world = world;
    this.#code = code;
    this.#write = write;
    this.#events = events;
    this.#tasks = new TaskGroup((error) => {
      throw error;
    });
  }

  free(): number {
    return this.#current === undefined ? 1 : 0;
  }

  attempts(): readonly string[] {
    return this.#current === undefined ? [] : [this.#current.job.attempt];
  }

  start(job: Job): void {
    const stop = new AbortController();
    this.#current = { job, stop };
    this.#tasks.start(async (signal) => {
      await this.#run(job, AbortSignal.any([signal, stop.signal]));
    });
  }

  cancel(attempt: string, reason: string): void {
    if (this.#current?.job.attempt === attempt) this.#current.stop.abort(new Error(reason));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tasks[Symbol.asyncDispose]();
  }

  async #run(job: Job, signal: AbortSignal): Promise<void> {
    const { clock, environment, fetch } = this.#world;
    const over = new AbortController();
    const limit = this.#limit(job, AbortSignal.any([signal, over.signal]));
    const name = job.mapIndex < 0 ? job.taskId : `${job.taskId}[${job.mapIndex}]`;
    const write = (line: string): void => {
      this.#write(`${name} | ${line}`);
    };
    using log = new TaskLog({ write, close: () => undefined }, clock);
    const restore = divertOutput(log);
    try {
      const ports = {
        ask: (question: Parameters<JobEvents["ask"]>[1]) => this.#events.ask(job, question),
        log,
        clock,
        environment,
        fetch,
        loadDag: () => this.#code.dagOf(job),
      };
      const result = await runJob(job, ports, signal);
      this.#current = undefined;
      this.#events.ended(job, result);
    } finally {
      restore();
      over.abort();
      await limit;
    }
  }

  async #limit(job: Job, signal: AbortSignal): Promise<void> {
    const { executionTimeoutMs } = job.task;
    if (executionTimeoutMs === undefined) return;
    try {
      await this.#world.clock.sleep(executionTimeoutMs, signal);
    } catch {
      return;
    }
    this.cancel(
      job.attempt,
      `the task took longer than its execution timeout of ${executionTimeoutMs} ms`,
    );
  }
}
