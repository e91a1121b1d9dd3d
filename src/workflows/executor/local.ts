import { availableParallelism } from "node:os";
import type { Clock } from "#base/clock.ts";
import { describeError } from "#base/log.ts";
import { TaskGroup } from "#base/task-group.ts";
import { nextTurn } from "#base/turn.ts";
import type { AttemptResult, FromWorker, Job } from "#workflows/worker/protocol.ts";
import type { Executor, JobEvents } from "./executor.ts";
import { WorkerProcess, type WorkerCommand } from "./worker-process.ts";

/** A worker that has run so many jobs is replaced, and with it the code of old versions. */
const jobsPerWorkerMax = 2_000;
/** How long a task that is cancelled, or out of time, may take to end what it has started elsewhere. */
const cancelGraceMs = 3_000;
/** Between two looks at whether jobs that wait need another worker. */
const growEveryMs = 10;
/** Jobs that usually take so long, or whose workers all have had theirs for so long, are no short ones. */
const shortJobMs = 30;
/** A job that has waited so long gets another worker, even while others end, */
const waitMax = 250;
/** or so long while workers keep all processors busy: one more takes from them what it gives. */
const busyWaitMax = 2_000;
const processors = availableParallelism();
/** Workers that are being started at a time: each takes a processor for a while. */
const startingMax = 2;

/** Most jobs that may be run before one that waits longer, because a worker has their code already. */
const passedMax = 8;

interface Slot {
  readonly worker: WorkerProcess;
  /** Whether its program has started; before it takes no job. */
  ready: boolean;
  job: Job | undefined;
  /** When it was given that job; monotonic. */
  since: number;
  /** Why the worker is being killed; undefined while it is not. */
  killedFor: string | undefined;
  /** Why its job is to end; undefined while it may go on. */
  cancelledFor: string | undefined;
  jobs: number;
  /** Code that it has loaded. */
  readonly bundles: Set<string>;
}

interface Waiting {
  readonly job: Job;
  readonly since: number;
  /** How many that came later were run before it. */
  passed: number;
}

/**
 * Runs jobs in worker processes of this machine, one at a time each. Workers are kept warm; another
 * is started when jobs wait that those there are do not get to soon, so that short jobs share a few
 * workers and long ones have one each. One that does not end in time is killed with all it started.
 */
export class LocalExecutor implements Executor {
  readonly #options: { readonly parallelism: number; readonly command: WorkerCommand };
  readonly #events: JobEvents;
  readonly #clock: Clock;
  readonly #slots = new Set<Slot>();
  /** In order; `since` is monotonic. */
  #waiting: Waiting[] = [];
  #growing = false;
  /** How long jobs have taken of late. */
  #usualMs = 0;
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
    return this.#closed ? 0 : this.#options.parallelism - this.attempts().length;
  }

  attempts(): readonly string[] {
    const running = [...this.#slots].flatMap((it) => it.job?.attempt ?? []);
    return [...running, ...this.#waiting.map((it) => it.job.attempt)];
  }

  backlog(): number {
    return this.#waiting.length;
  }

  /** Starts workers ahead of the first jobs. */
  warm(count: number): void {
    while (this.#slots.size < Math.min(count, this.#options.parallelism)) this.#open();
  }

  /** Ends workers that have nothing to do, until there are no more than `count`. */
  shrink(count: number): void {
    const idle = [...this.#slots].filter((it) => it.ready && it.job === undefined);
    for (const it of idle.slice(0, Math.max(0, this.#slots.size - count))) {
      this.#kill(it, "it is not needed any more");
    }
  }

  start(job: Job): void {
    const slot = this.#waiting.length === 0 ? this.#idleSlot(job) : undefined;
    if (slot !== undefined) {
      this.#run(slot, job);
      return;
    }
    this.#waiting.push({ job, since: this.#clock.monotonic(), passed: 0 });
    this.#serveWaiting();
  }

  /** Has workers started while jobs wait too long. */
  #serveWaiting(): void {
    if (this.#waiting.length === 0) return;
    if (this.#slots.size === 0) this.#open();
    if (this.#growing) return;
    this.#growing = true;
    this.#tasks.start((signal) => this.#grow(signal));
  }

  async #grow(signal: AbortSignal): Promise<void> {
    try {
      while (this.#waiting.length > 0 && this.#slots.size < this.#options.parallelism) {
        await this.#clock.sleep(growEveryMs, signal);
        // Ends that were told while this process did something else count.
        await nextTurn();
        const [first] = this.#waiting;
        const slots = [...this.#slots];
        const starting = slots.filter((it) => !it.ready).length;
        if (first === undefined || starting >= startingMax) continue;
        const now = this.#clock.monotonic();
        const areLong =
          this.#usualMs >= shortJobMs ||
          slots.every((it) => !it.ready || now - it.since >= shortJobMs);
        const computing = slots.filter((it) => it.worker.computes()).length;
        const patience = computing >= processors ? busyWaitMax : areLong ? 0 : waitMax;
        if (now - first.since >= patience) this.#open();
      }
    } finally {
      this.#growing = false;
    }
  }

  #run(slot: Slot, job: Job): void {
    slot.job = job;
    slot.since = this.#clock.monotonic();
    slot.jobs += 1;
    if (job.code !== undefined) slot.bundles.add(job.code.bundleFolder);
    slot.worker.send({ kind: "run", job });
    const { executionTimeoutMs } = job.task;
    if (executionTimeoutMs !== undefined) this.#limit(slot, job, executionTimeoutMs);
  }

  cancel(attempt: string, reason: string): void {
    const waiting = this.#waiting.find((it) => it.job.attempt === attempt);
    if (waiting !== undefined) {
      this.#waiting = this.#waiting.filter((it) => it !== waiting);
      this.#events.ended(waiting.job, { kind: "failed", error: reason, retry: true });
      return;
    }
    const slot = [...this.#slots].find((it) => it.job?.attempt === attempt);
    if (slot?.job !== undefined) this.#cancel(slot, slot.job, reason);
  }

  /** Has a job end what it has started elsewhere, such as a pod, and then itself. */
  #cancel(slot: Slot, job: Job, reason: string): void {
    if (slot.cancelledFor !== undefined) return;
    slot.cancelledFor = reason;
    slot.worker.send({ kind: "cancel", attempt: job.attempt, reason });
    this.#tasks.start(async (signal) => {
      await this.#clock.sleep(cancelGraceMs, signal);
      if (slot.job === job) this.#kill(slot, reason);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#waiting = [];
    for (const slot of this.#slots) this.#kill(slot, "the executor is closed");
    await this.#tasks[Symbol.asyncDispose]();
  }

  /** One that has the code loaded already, if there is one. */
  #idleSlot(job: Job): Slot | undefined {
    const idle = [...this.#slots].filter(
      (it) => it.ready && it.job === undefined && it.killedFor === undefined,
    );
    return idle.find((it) => knows(it, job)) ?? idle[0];
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
      ready: false,
      since: 0,
      job: undefined,
      killedFor: undefined,
      cancelledFor: undefined,
      jobs: 0,
      bundles: new Set(),
    };
    this.#slots.add(slot);
    return slot;
  }

  #hear(slot: Slot, message: FromWorker): void {
    if (message.kind === "ready") {
      slot.ready = true;
      this.#runNext(slot);
      return;
    }
    const { job } = slot;
    if (job === undefined || !("attempt" in message) || message.attempt !== job.attempt) return;
    if (message.kind === "log") this.#events.logged?.(job, message.text);
    else if (message.kind === "done") {
      // What was broken off may have left processes of its own.
      if (message.spoiled || slot.cancelledFor !== undefined) {
        this.#kill(slot, "its last task left it in disorder");
      }
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
    if (this.#closed) return;
    const error = slot.killedFor ?? `the worker process ended (${how})`;
    const result = { kind: "failed", error, retry: true, killed: true } as const;
    if (slot.job !== undefined) this.#end(slot, slot.job, result);
    // What cannot start at all must not keep jobs waiting for ever.
    else if (!slot.ready) {
      const first = this.#waiting.shift();
      if (first !== undefined) this.#events.ended(first.job, result);
    }
    this.#serveWaiting();
  }

  /** Gives a worker that has nothing to do a job whose code it has, or the one that waited longest. */
  #runNext(slot: Slot): void {
    if (slot.killedFor !== undefined || slot.job !== undefined) return;
    const [first] = this.#waiting;
    if (first === undefined) return;
    const known =
      first.passed >= passedMax ? first : this.#waiting.find((it) => knows(slot, it.job));
    const next = known ?? first;
    if (next !== first) first.passed += 1;
    this.#waiting = this.#waiting.filter((it) => it !== next);
    this.#run(slot, next.job);
  }

  #end(slot: Slot, job: Job, result: AttemptResult): void {
    const tookMs = this.#clock.monotonic() - slot.since;
    this.#usualMs += (tookMs - this.#usualMs) / 8;
    slot.job = undefined;
    this.#deadlines.get(job.attempt)?.abort(new Error("the job has ended"));
    this.#deadlines.delete(job.attempt);
    if (slot.jobs >= jobsPerWorkerMax) this.#kill(slot, "it has run enough jobs");
    if (this.#slots.has(slot)) this.#runNext(slot);
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
        const reason = `the task took longer than its execution timeout of ${timeoutMs} ms`;
        this.#cancel(slot, job, reason);
      }
    });
  }

  #kill(slot: Slot, reason: string): void {
    slot.killedFor ??= reason;
    slot.worker.kill();
  }
}

function knows({ bundles }: Slot, { code }: Job): boolean {
  return code !== undefined && bundles.has(code.bundleFolder);
}
