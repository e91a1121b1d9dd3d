import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import { TaskGroup } from "#base/task-group.ts";
import type { Broker, QueuedJob } from "#workflows/broker/broker.ts";
import { runRemoteJob, type JobRunner } from "./remote-job.ts";

export interface QueueWorkerOptions {
  readonly queues: readonly string[];
  /** Jobs at a time. */
  readonly concurrency: number;
  /** Names this worker to people, and tells it from others. */
  readonly name: string;
  readonly codeFolder: string;
}

export interface QueueWorkerPorts {
  readonly broker: Broker;
  readonly clock: Clock;
  readonly log: Logger;
  readonly runner: JobRunner;
}

/** Without news; they come when a job is put into a queue. */
const idleMs = 2_000;

/**
 * Takes jobs out of queues and runs them. @param leaving aborts when no more are to be taken; those
 * that run then end by themselves. @param signal aborts them, too.
 */
export async function runQueueWorker(
  options: QueueWorkerOptions,
  ports: QueueWorkerPorts,
  leaving: AbortSignal,
  signal: AbortSignal,
): Promise<void> {
  const worker = new QueueWorker(options, ports, signal);
  await worker.run(AbortSignal.any([leaving, signal]));
}

class QueueWorker {
  readonly #options: QueueWorkerOptions;
  readonly #ports: QueueWorkerPorts;
  readonly #signal: AbortSignal;
  readonly #running = new Set<Promise<void>>();
  #isReached = true;
  #news = Promise.withResolvers<undefined>();

  constructor(options: QueueWorkerOptions, ports: QueueWorkerPorts, signal: AbortSignal) {
    this.#options = options;
    this.#ports = ports;
    this.#signal = signal;
  }

  async run(leaving: AbortSignal): Promise<void> {
    const { broker, log } = this.#ports;
    await using listening = await broker.listen(this.#options.queues, () => {
      this.#news.resolve(undefined);
    });
    while (!leaving.aborted) {
      this.#news = Promise.withResolvers();
      try {
        const more = await this.#take();
        if (!this.#isReached) log.info("the queues are reached again");
        this.#isReached = true;
        if (more) continue;
      } catch (error) {
        if (this.#isReached) log.error("the queues cannot be reached", { error: error as Error });
        this.#isReached = false;
      }
      await this.#wait(leaving);
    }
    log.info("the worker takes no more", { running: this.#running.size });
    await Promise.all(this.#running);
    await listening[Symbol.asyncDispose]();
  }

  /** Whether there may be more at once. */
  async #take(): Promise<boolean> {
    const { queues, concurrency } = this.#options;
    const free = concurrency - this.#running.size;
    if (free <= 0) return false;
    const jobs = await this.#ports.broker.take(queues, free);
    for (const it of jobs) this.#start(it);
    return jobs.length === free && free > 0 && this.#running.size < concurrency;
  }

  #start({ schedulers, token, attempt }: QueuedJob): void {
    const { codeFolder, name: worker } = this.#options;
    const { clock, runner, log } = this.#ports;
    const options = { schedulers, token, worker, codeFolder };
    const running = runRemoteJob(options, { clock, runner }, this.#signal)
      .then((refusal) => {
        if (refusal !== undefined) log.info("a job was given up", { attempt, reason: refusal });
      })
      .catch((error: unknown) => {
        log.error("a job broke off", { attempt, error: error as Error });
      })
      .finally(() => {
        this.#running.delete(running);
        this.#news.resolve(undefined);
      });
    this.#running.add(running);
  }

  async #wait(signal: AbortSignal): Promise<void> {
    await using timer = new TaskGroup(() => undefined);
    const over = new Promise<void>((resolve) => {
      timer.start(async (stop) => {
        await this.#ports.clock
          .sleep(idleMs, AbortSignal.any([signal, stop]))
          .catch(() => undefined);
        resolve();
      });
    });
    await Promise.race([over, this.#news.promise]);
  }
}
