import type { Clock } from "#base/clock.ts";
import type { FromWorker, ToWorker } from "#workflows/worker/protocol.ts";
import { WorkerProcess, type WorkerCommand } from "./worker-process.ts";

/** A worker keeps every version of the code that it has read, so it is replaced after so many calls. */
const callsPerProcessMax = 200;

export interface CallOptions<Answer> {
  readonly timeoutMs: number;
  /** The answer that a message holds; undefined for other messages. */
  readonly answerOf: (
    message: FromWorker,
  ) => { readonly id: number; readonly answer: Answer } | undefined;
  /** Said of a call that took too long. */
  readonly late: () => Answer;
  /** Said of a call in which the process ended. */
  readonly died: (how: string) => Answer;
}

/**
 * Asks author's code in a process of its own, one call at a time. A call that takes too long is given
 * up and its process killed.
 */
export class WorkerCalls<Answer> implements Disposable {
  readonly #command: WorkerCommand;
  readonly #clock: Clock;
  readonly #options: CallOptions<Answer>;
  #process: WorkerProcess | undefined;
  #calls = 0;
  #serial = 0;
  #waiting: { readonly id: number; readonly resolve: (answer: Answer) => void } | undefined;

  constructor(command: WorkerCommand, clock: Clock, options: CallOptions<Answer>) {
    this.#command = command;
    this.#clock = clock;
    this.#options = options;
  }

  /**
   * Must not be called again before it has resolved. Never rejects but for the signal.
   * @param messageOf gets the number under which the answer will come.
   */
  async call(messageOf: (id: number) => ToWorker, signal: AbortSignal): Promise<Answer> {
    if (this.#calls >= callsPerProcessMax) this.#stop();
    const worker = (this.#process ??= this.#start());
    this.#calls += 1;
    this.#serial += 1;
    const id = this.#serial;
    const over = new AbortController();
    const answer = new Promise<Answer>((resolve) => {
      this.#waiting = { id, resolve };
    });
    worker.send(messageOf(id));
    const late = this.#tooLate(AbortSignal.any([signal, over.signal]));
    try {
      return await Promise.race([answer, late]);
    } finally {
      this.#waiting = undefined;
      over.abort(new Error("the call is over"));
      await late.catch(() => undefined);
    }
  }

  [Symbol.dispose](): void {
    this.#stop();
  }

  async #tooLate(signal: AbortSignal): Promise<Answer> {
    await this.#clock.sleep(this.#options.timeoutMs, signal);
    this.#stop();
    return this.#options.late();
  }

  #start(): WorkerProcess {
    this.#calls = 0;
    const started = new WorkerProcess(this.#command, {
      message: (message) => {
        const found = this.#options.answerOf(message);
        if (found === undefined || found.id !== this.#waiting?.id) return;
        this.#waiting.resolve(found.answer);
      },
      ended: (how) => {
        if (this.#process !== started) return;
        this.#process = undefined;
        this.#waiting?.resolve(this.#options.died(how));
      },
    });
    return started;
  }

  #stop(): void {
    const worker = this.#process;
    this.#process = undefined;
    worker?.kill();
  }
}
