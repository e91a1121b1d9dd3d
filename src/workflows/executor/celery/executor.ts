import type { Clock } from "#base/clock.ts";
import { describeError, type Logger } from "#base/log.ts";
import { TaskGroup } from "#base/task-group.ts";
import type { Database } from "#sql/database.ts";
import type { Executor, JobEvents } from "#workflows/executor/executor.ts";
import type { WorkerEndpoint } from "#workflows/remote/endpoint.ts";
import { dequeueJob, enqueueJob, waitingJobs } from "#workflows/state/worker-queue.ts";
import type { AttemptResult, Job } from "#workflows/worker/protocol.ts";
import { judgeQueued } from "./plan.ts";

/** How the executor treats its queues. */
export interface CelerySettings {
  /** Most jobs in queues and at workers together. */
  readonly parallelism: number;
  /** Where workers reach this scheduler. */
  readonly workerUrl: string;
  readonly certificateAuthority: string | undefined;
  /** A job that no worker has taken after so long has failed. */
  readonly queuedTimeoutMs: number;
}

export interface CeleryPorts {
  readonly database: Database;
  readonly endpoint: WorkerEndpoint;
  readonly clock: Clock;
  readonly log: Logger;
}

const sweepMs = 1_000;
const awayMs = 2_000;
const retryMs = 1_000;

interface Try {
  readonly job: Job;
  since: number;
  readonly adopted: boolean;
  waits: boolean;
  hasCome: boolean;
  awaySince: number | undefined;
  hasEnded: boolean;
}

/** Gives jobs to workers on any machine, by named queues in the workflows' database. */
export class CeleryExecutor implements Executor {
  readonly #settings: CelerySettings;
  readonly #ports: CeleryPorts;
  readonly #events: JobEvents;
  readonly #tries = new Map<string, Try>();
  readonly #tasks: TaskGroup;

  constructor(settings: CelerySettings, ports: CeleryPorts, events: JobEvents) {
    this.#settings = settings;
    this.#ports = ports;
    this.#events = events;
    this.#tasks = new TaskGroup((error) => {
      ports.log.error("the Celery executor failed", { error: error as Error });
    });
    this.#tasks.start((signal) => this.#sweep(signal));
  }

  free(): number {
    return this.#settings.parallelism - this.attempts().length;
  }

  attempts(): readonly string[] {
    return [...this.#tries.values()].filter((it) => !it.hasEnded).map((it) => it.job.attempt);
  }

  outlives(): boolean {
    return true;
  }

  start(job: Job): void {
    const added = this.#add(job, false);
    this.#tasks.start((signal) => this.#enqueue(added, signal));
  }

  adopt(job: Job): void {
    const added = this.#add(job, true);
    this.#tasks.start(async (signal) => {
      // What still waits is to bring its worker here, not to the scheduler that ended.
      const waiting = await waitingJobs(this.#ports.database, [job.attempt]);
      if (waiting.has(job.attempt)) await this.#enqueue(added, signal);
      else added.waits = false;
    });
  }

  cancel(attempt: string, reason: string): void {
    const found = this.#tries.get(attempt);
    if (found === undefined || found.hasEnded) return;
    this.#end(found, { kind: "failed", error: reason, retry: true });
  }

  /** Workers go on; the scheduler that comes after this one takes their jobs over. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tasks[Symbol.asyncDispose]();
  }

  #add(job: Job, adopted: boolean): Try {
    const { clock, endpoint } = this.#ports;
    const added: Try = {
      job,
      adopted,
      since: clock.monotonic(),
      waits: true,
      hasCome: false,
      awaySince: undefined,
      hasEnded: false,
    };
    this.#tries.set(job.attempt, added);
    const stored: (() => void)[] = [];
    endpoint.expect(job, {
      connected: () => {
        added.waits = false;
        added.hasCome = true;
        added.awaySince = undefined;
      },
      silent: () => {
        added.awaySince = clock.monotonic();
      },
      ended: (result, acknowledge) => {
        stored.push(acknowledge);
        if (added.hasEnded) return;
        added.hasEnded = true;
        this.#events.ended(job, result, () => {
          for (const it of stored) it();
          this.#forget(added);
        });
      },
    });
    return added;
  }

  /** An end that no worker has told. */
  #end(it: Try, result: AttemptResult): void {
    if (it.hasEnded) return;
    it.hasEnded = true;
    this.#events.ended(it.job, result);
    this.#forget(it);
    this.#tasks.start(() => dequeueJob(this.#ports.database, it.job.attempt));
  }

  #forget(it: Try): void {
    this.#tries.delete(it.job.attempt);
    this.#ports.endpoint.forget(it.job.attempt);
  }

  async #enqueue(it: Try, signal: AbortSignal): Promise<void> {
    const { database, clock, endpoint, log } = this.#ports;
    const { workerUrl: url, certificateAuthority } = this.#settings;
    const { attempt, task } = it.job;
    while (!it.hasEnded) {
      try {
        const { queue, totalWeight: weight } = task;
        const token = await endpoint.token(it.job);
        const queued = { attempt, queue, weight, url, token, certificateAuthority };
        await enqueueJob(database, queued, clock.now());
        it.since = clock.monotonic();
        return;
      } catch (error) {
        signal.throwIfAborted();
        log.error("a job is not in its queue yet", { attempt, error: describeError(error) });
      }
      await clock.sleep(retryMs, signal);
    }
  }

  async #sweep(signal: AbortSignal): Promise<void> {
    const { database, clock, log } = this.#ports;
    for (;;) {
      await clock.sleep(sweepMs, signal);
      try {
        const open = [...this.#tries.values()].filter((it) => !it.hasCome && !it.hasEnded);
        const waiting = await waitingJobs(
          database,
          open.map((it) => it.job.attempt),
        );
        for (const it of open) this.#notice(it, waiting.has(it.job.attempt));
        for (const it of [...this.#tries.values()]) this.#judge(it);
      } catch (error) {
        signal.throwIfAborted();
        log.error("the queues cannot be looked at", { error: error as Error });
      }
    }
  }

  /** Being taken begins another wait. */
  #notice(it: Try, waits: boolean): void {
    if (it.waits && !waits) it.since = this.#ports.clock.monotonic();
    it.waits = waits;
  }

  #judge(it: Try): void {
    if (it.hasEnded) return;
    const { queuedTimeoutMs } = this.#settings;
    const now = this.#ports.clock.monotonic();
    const { queue } = it.job.task;
    switch (judgeQueued(it, now, { awayMs, queuedMs: queuedTimeoutMs })) {
      case "wait":
        return;
      case "requeue":
        it.since = now;
        this.#tasks.start((signal) => this.#enqueue(it, signal));
        return;
      case "lost":
        this.#end(it, { kind: "lost", reason: "no worker has it since its scheduler ended" });
        return;
      case "worker-lost":
        this.#end(it, { kind: "failed", error: "its worker was lost", retry: true, killed: true });
        return;
      case "no-worker": {
        const error = `no worker took it within ${queuedTimeoutMs} ms: gantry worker -q ${queue}`;
        this.#end(it, { kind: "failed", error, retry: true, killed: true });
      }
    }
  }
}
