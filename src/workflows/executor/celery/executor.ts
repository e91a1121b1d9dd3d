import type { Clock } from "#base/clock.ts";
import { describeError, type Logger } from "#base/log.ts";
import { TaskGroup } from "#base/task-group.ts";
import type { Broker, QueuedTry } from "#workflows/broker/broker.ts";
import type { Executor, JobEvents } from "#workflows/executor/executor.ts";
import type { WorkerEndpoint } from "#workflows/remote/endpoint.ts";
import type { AttemptResult, Job } from "#workflows/worker/protocol.ts";
import { judgeQueued } from "./plan.ts";

/** How the executor treats its queues. */
export interface CelerySettings {
  /** Most jobs in queues and at workers together. */
  readonly parallelism: number;
  /** A job that no worker has taken after so long has failed. */
  readonly queuedTimeoutMs: number;
}

export interface CeleryPorts {
  readonly broker: Broker;
  readonly endpoint: Pick<WorkerEndpoint, "expect" | "forget" | "token" | "schedulers">;
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

/** Gives jobs to workers on any machine, by named queues of a broker. */
export class CeleryExecutor implements Executor {
  readonly #settings: CelerySettings;
  readonly #ports: CeleryPorts;
  readonly #events: JobEvents;
  readonly #tries = new Map<string, Try>();
  readonly #tasks: TaskGroup;
  #isReached = true;

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

  waits(): ReadonlyMap<string, string> {
    const open = [...this.#tries.values()].filter((it) => !it.hasEnded && !it.hasCome);
    return new Map(open.map((it) => [it.job.attempt, this.#waitOf(it)]));
  }

  #waitOf({ waits, job }: Try): string {
    const { queue } = job.task;
    if (!this.#isReached) return "the queues cannot be reached";
    return waits
      ? `no worker has taken it from queue '${queue}' yet: gantry worker -q ${queue}`
      : "a worker has taken it, and has not come for it yet";
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
    // What still waits is to bring its worker here, not to the scheduler that ended.
    this.#tasks.start((signal) =>
      this.#untilReached(added, signal, async () => {
        const { broker } = this.#ports;
        added.waits = (await broker.waiting([messageOf(job)])).has(job.attempt);
        if (added.waits) await this.#put(added);
      }),
    );
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
    // One that stays because the broker is not reached brings a worker that is sent away.
    this.#tasks.start(() => this.#ports.broker.remove(messageOf(it.job)).catch(() => undefined));
  }

  #forget(it: Try): void {
    this.#tries.delete(it.job.attempt);
    this.#ports.endpoint.forget(it.job.attempt);
  }

  async #enqueue(it: Try, signal: AbortSignal): Promise<void> {
    await this.#untilReached(it, signal, () => this.#put(it));
  }

  async #put(it: Try): Promise<void> {
    const { broker, clock, endpoint } = this.#ports;
    const weight = it.job.task.totalWeight;
    const token = await endpoint.token(it.job);
    const { schedulers } = endpoint;
    await broker.put({ ...messageOf(it.job), weight, token, schedulers });
    it.since = clock.monotonic();
  }

  async #untilReached(it: Try, signal: AbortSignal, act: () => Promise<void>): Promise<void> {
    while (!it.hasEnded) {
      try {
        await act();
        return;
      } catch (error) {
        signal.throwIfAborted();
        this.#missed(error);
      }
      await this.#ports.clock.sleep(retryMs, signal);
    }
  }

  async #sweep(signal: AbortSignal): Promise<void> {
    const { broker, clock } = this.#ports;
    for (;;) {
      await clock.sleep(sweepMs, signal);
      const open = [...this.#tries.values()].filter((it) => !it.hasCome && !it.hasEnded);
      try {
        const waiting = await broker.waiting(open.map((it) => messageOf(it.job)));
        this.#reached();
        for (const it of open) this.#notice(it, waiting.has(it.job.attempt));
      } catch (error) {
        signal.throwIfAborted();
        this.#missed(error);
        // While workers cannot take anything, nobody is late.
        for (const it of open) it.since = clock.monotonic();
      }
      for (const it of [...this.#tries.values()]) this.#judge(it);
    }
  }

  #reached(): void {
    if (!this.#isReached) this.#ports.log.info("the queues are reached again");
    this.#isReached = true;
  }

  #missed(error: unknown): void {
    if (this.#isReached) {
      this.#ports.log.error("the queues cannot be reached", { reason: describeError(error) });
    }
    this.#isReached = false;
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

function messageOf({ attempt, task }: Job): QueuedTry {
  return { attempt, queue: task.queue };
}
