import type { Clock } from "#base/clock.ts";
import type { ParseResult } from "#workflows/worker/protocol.ts";
import { WorkerProcess, type WorkerCommand } from "#workflows/executor/worker-process.ts";

/** A parser keeps every version of the code that it has read, so it is replaced after so many. */
const filesPerParserMax = 200;

/**
 * Reads DAG files in a process of its own, one at a time. A file that takes too long is given up and
 * its process killed.
 */
export class Parser implements Disposable {
  readonly #command: WorkerCommand;
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  #process: WorkerProcess | undefined;
  #files = 0;
  #serial = 0;
  #waiting: { readonly id: number; readonly resolve: (result: ParseResult) => void } | undefined;

  constructor(command: WorkerCommand, clock: Clock, timeoutMs: number) {
    this.#command = command;
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
  }

  /** Must not be called again before it has resolved. Never rejects but for the signal. */
  async parse(folder: string, file: string, signal: AbortSignal): Promise<ParseResult> {
    if (this.#files >= filesPerParserMax) this.#stop();
    const worker = (this.#process ??= this.#start());
    this.#files += 1;
    this.#serial += 1;
    const id = this.#serial;
    const over = new AbortController();
    const result = new Promise<ParseResult>((resolve) => {
      this.#waiting = { id, resolve };
    });
    worker.send({ kind: "parse", id, folder, file });
    const late = this.#tooLate(AbortSignal.any([signal, over.signal]));
    try {
      return await Promise.race([result, late]);
    } finally {
      this.#waiting = undefined;
      over.abort(new Error("the file has been read"));
      await late.catch(() => undefined);
    }
  }

  [Symbol.dispose](): void {
    this.#stop();
  }

  async #tooLate(signal: AbortSignal): Promise<ParseResult> {
    await this.#clock.sleep(this.#timeoutMs, signal);
    this.#stop();
    const message = `reading the file took longer than ${this.#timeoutMs / 1_000} seconds; what takes long belongs into tasks`;
    return failure(message);
  }

  #start(): WorkerProcess {
    this.#files = 0;
    const started = new WorkerProcess(this.#command, {
      message: (message) => {
        if (message.kind !== "parsed" || message.id !== this.#waiting?.id) return;
        this.#waiting.resolve(message.result);
      },
      ended: (how) => {
        if (this.#process !== started) return;
        this.#process = undefined;
        const message = `reading the file ended its process: ${how}`;
        this.#waiting?.resolve(failure(message));
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

function failure(message: string): ParseResult {
  return { kind: "error", message, line: undefined, files: {}, looked: {} };
}
