import { join, dirname } from "node:path";
import type { Json } from "#api/object.ts";
import type { Executor, JobEvents } from "#workflows/executor/executor.ts";
import { newInstance } from "#workflows/state/instances.ts";
import {
  claimCallback,
  deleteCallback,
  releaseCallbacks,
  type CallbackRow,
} from "#workflows/state/callbacks.ts";
import type { Job, Question } from "#workflows/worker/protocol.ts";
import { answer } from "./answers.ts";
import { jobOf } from "./jobs.ts";
import { RunRecords } from "./run-records.ts";
import type { SchedulerPorts } from "./scheduler.ts";
import type { SchedulerWorld } from "./world.ts";

/** Time for one callback; then it is killed. */
const callbackTimeoutMs = 300_000;
/** Between two looks after one that failed. */
const pauseMs = 1_000;

export interface CallbackPorts extends Pick<SchedulerPorts, "places" | "answers"> {
  /** Makes what runs callbacks, one at a time. */
  readonly openExecutor: (events: JobEvents) => Executor;
}

/**
 * Calls the callbacks of DAGs, and those of tries that were killed and could not call them. Each is
 * called at least once: one that was under way when its scheduler died is called again.
 */
export class CallbackRunner implements JobEvents {
  readonly #world: SchedulerWorld;
  readonly #ports: CallbackPorts;
  readonly #owner: string;
  #news = Promise.withResolvers<undefined>();
  #ended = Promise.withResolvers<undefined>();

  /** @param owner the id of the scheduler that it belongs to. */
  constructor(world: SchedulerWorld, ports: CallbackPorts, owner: string) {
    this.#world = world;
    this.#ports = ports;
    this.#owner = owner;
  }

  /** Has it look whether there is something to call. */
  wake(): void {
    this.#news.resolve(undefined);
  }

  ended(): void {
    this.#ended.resolve(undefined);
  }

  async ask(job: Job, question: Question): Promise<Json> {
    return await answer(this.#ports.answers, job, question);
  }

  /** Goes on until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { database, clock, log } = this.#world;
    await using executor = this.#ports.openExecutor(this);
    const over = new Promise<undefined>((resolve) => {
      signal.addEventListener("abort", () => {
        resolve(undefined);
      });
    });
    while (!isAborted(signal)) {
      this.#news = Promise.withResolvers();
      try {
        const callback = await claimCallback(database, this.#owner);
        if (callback === undefined) await Promise.race([this.#news.promise, over]);
        else await this.#call(executor, callback, over);
      } catch (error) {
        log.error("a callback could not be called", { error: error as Error });
        await clock.sleep(pauseMs, signal).catch(() => undefined);
        await releaseCallbacks(database, this.#owner).catch(() => undefined);
      }
    }
  }

  async #call(executor: Executor, callback: CallbackRow, over: Promise<undefined>): Promise<void> {
    const { database } = this.#world;
    const job = await this.#jobOf(callback);
    if (job !== undefined) {
      this.#ended = Promise.withResolvers();
      executor.start(job);
      const isStopped = await Promise.race([this.#ended.promise, over.then(() => true)]);
      // What is not over is called again by the scheduler that comes after this one.
      if (isStopped === true) return;
    }
    await deleteCallback(database, callback.id);
  }

  /** Undefined when the run is gone. */
  async #jobOf(row: CallbackRow): Promise<Job | undefined> {
    const { database } = this.#world;
    const { id, dagId, runId, name, task: of, error, deadline } = row;
    const record = await new RunRecords().get(database, { dagId, runId });
    const task = record?.model.tasks.find((it) => of === undefined || it.id === of.id);
    if (record === undefined || task === undefined) return undefined;
    const { mapIndex, tryNumber } = of ?? { mapIndex: -1, tryNumber: 1 };
    const known = record.find(task.id, mapIndex) ?? newInstance(record.run, task, mapIndex);
    const instance = { ...known, attempt: `callback-${id}`, tryNumber };
    const job = await jobOf(database, this.#ports.places, record, instance);
    const { logFile } = job;
    return {
      ...job,
      task: { ...task, executionTimeoutMs: callbackTimeoutMs },
      logFile: of === undefined && logFile !== undefined ? ofRun(logFile) : logFile,
      callback: { name, error, ofDag: of === undefined, deadline },
    };
  }
}

/** Beside the folders of the run's tasks. */
function ofRun(logFile: string): string {
  return join(dirname(dirname(logFile)), "callbacks.log");
}

function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
