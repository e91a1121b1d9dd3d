import type { Clock } from "#base/clock.ts";
import { describeError } from "#base/log.ts";
import { TaskGroup } from "#base/task-group.ts";
import type { AttemptResult, FromWorker, Job } from "#workflows/worker/protocol.ts";
import type { Executor, JobEvents } from "./executor.ts";
import { WorkerProcess, type WorkerCommand } from "./worker-process.ts";

/** A worker that has run so many jobs is replaced, and with it the code of old versions. */
const jobsPerWorkerMax = 2_000;
/** How long a cancelled task may take to end by itself. */
const cancelGraceMs = 2_000;

interface Slot {
  readonly worker: WorkerProcess;
  job: Job | undefined;
  /** Why the worker is being killed; undefined while it is not. */
  killedFor: string | undefined;
  jobs: number;
  /** Code that it has loaded. */
  readonly bundles: Set<string>;
}

/**
 * Runs jobs in worker processes of this machine, one at a time each. Workers are started when they
 * are needed and kept warm; one that does not end in time is killed with all that it started.
 */
export class LocalExecutor implements Executor {
  readonly #options: { readonly parallelism: number; readonly command: WorkerCommand };
  readonly #events: JobEvents;
  readonly #clock: Clock;
  readonly #slots = new Set<Slot>();
  readonly #tasks: TaskGroup;
  readonly #deadlines = new Map<string, AbortController>();
  #closed = false;

  constructor(
    options: { readonly parallelism: number; readonly command: WorkerCommand },
    events: JobEvents,
    clock: Clock,
  ) {
    this.#options = options;
    this.#events = events;
    this.#clock = clock;
    this.#tasks = new TaskGroup(() => undefined);
  }

  free(): number {
    const busy = [...this.#slots].filter((it) => it.job !== undefined).length;
    return this.#closed ? 0 : this.#options.parallelism - busy;
  }

  attempts(): readonly string[] {
    return [...this.#slots].flatMap((it) => (it.job === undefined ? [] : [it.job.attempt]));
  }

  /** Starts workers ahead of the first jobs. */
  warm(count: number): void {
    while (this.#slots.size < Math.min(count, this.#options.parallelism)) this.#open();
  }

  start(job: Job): void {
    const slot = this.#idleSlot(job) ?? this.#open();
    slot.job = job;
    slot.jobs += 1;
    if (job.code !== undefined) slot.bundles.add(job.code.bundleFolder);
    slot.worker.send({ kind: "run", job });
    const { executionTimeoutMs } = job.task;
    if (executionTimeoutMs !== undefined) this.#limit(slot, job, executionTimeoutMs);
  }

  cancel(attempt: string, reason: string): void {
    const slot = [...this.#slots].find((it) => it.job?.attempt === attempt);
    if (slot === undefined) return;
    slot.worker.send({ kind: "cancel", attempt, reason });
    this.#tasks.start(async (signal) => {
      await this.#clock.sleep(cancelGraceMs, signal);
      if (slot.job?.attempt === attempt) this.#kill(slot, reason);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    for (const slot of this.#slots) this.#kill(slot, "the executor is closed");
    await this.#tasks[Symbol.asyncDispose]();
  }

  /** One that has the code loaded already, if there is one. */
  #idleSlot(job: Job): Slot | undefined {
    const idle = [...this.#slots].filter(
      (it) => it.job === undefined && it.killedFor === undefined,
    );
    const bundle = job.code?.bundleFolder;
    return idle.find((it) => bundle !== undefined && it.bundles.has(bundle)) ?? idle[0];
  }

  #open(): Slot {
    const worker = new WorkerProcess(this.#options.command, {
      message: (message) => {
        this.#hear(slot, message);
      },
      ended: (how) => {
        this.#lose(slot, how);
      },
    });
    const slot: Slot = {
      worker,
      job: undefined,
      killedFor: undefined,
      jobs: 0,
      bundles: new Set(),
    };
    this.#slots.add(slot);
    return slot;
  }

  #hear(slot: Slot, message: FromWorker): void {
    const { job } = slot;
    if (job === undefined || message.kind === "parsed" || message.attempt !== job.attempt) return;
    if (message.kind === "done") {
      if (message.spoiled) this.#kill(slot, "its last task left it in disorder");
      this.#end(slot, job, message.result);
    } else {
      const { id, question } = message;
      this.#tasks.start(async () => {
        try {
          slot.worker.send({ kind: "answer", id, value: await this.#events.ask(job, question) });
        } catch (error) {
          slot.worker.send({ kind: "refusal", id, message: describeError(error) });
        }
      });
    }
  }

  #lose(slot: Slot, how: string): void {
    this.#slots.delete(slot);
    if (slot.job === undefined || this.#closed) return;
    const error = slot.killedFor ?? `the worker process ended (${how})`;
    this.#end(slot, slot.job, { kind: "failed", error, retry: true });
  }

  #end(slot: Slot, job: Job, result: AttemptResult): void {
    slot.job = undefined;
    this.#deadlines.get(job.attempt)?.abort(new Error("the job has ended"));
    this.#deadlines.delete(job.attempt);
    if (slot.jobs >= jobsPerWorkerMax) this.#kill(slot, "it has run enough jobs");
    this.#events.ended(job, result);
  }

  #limit(slot: Slot, job: Job, timeoutMs: number): void {
    const over = new AbortController();
    this.#deadlines.set(job.attempt, over);
    this.#tasks.start(async (signal) => {
      try {
        await this.#clock.sleep(timeoutMs, AbortSignal.any([signal, over.signal]));
      } catch (error) {
        if (over.signal.aborted) return;
        throw error;
      }
      if (slot.job === job) {
        this.#kill(slot, `the task took longer than its execution timeout of ${timeoutMs} ms`);
      }
    });
  }

  #kill(slot: Slot, reason: string): void {
    slot.killedFor ??= reason;
    slot.worker.kill();
  }
}
