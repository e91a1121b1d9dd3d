import type { Clock } from "#base/clock.ts";
import { WorkerCalls } from "#workflows/executor/worker-calls.ts";
import type { WorkerCommand } from "#workflows/executor/worker-process.ts";
import type { ParseResult } from "#workflows/worker/protocol.ts";

/**
 * Reads DAG files in a process of its own, one at a time. A file that takes too long is given up and
 * its process killed.
 */
export class Parser implements Disposable {
  readonly #calls: WorkerCalls<ParseResult>;

  constructor(command: WorkerCommand, clock: Clock, timeoutMs: number) {
    this.#calls = new WorkerCalls(command, clock, {
      timeoutMs,
      answerOf: (message) =>
        message.kind === "parsed" ? { id: message.id, answer: message.result } : undefined,
      late: () =>
        failure(
          `reading the file took longer than ${timeoutMs / 1_000} seconds; what takes long belongs into tasks`,
        ),
      died: (how) => failure(`reading the file ended its process: ${how}`),
    });
  }

  /** Must not be called again before it has resolved. Never rejects but for the signal. */
  async parse(folder: string, file: string, signal: AbortSignal): Promise<ParseResult> {
    return await this.#calls.call((id) => ({ kind: "parse", id, folder, file }), signal);
  }

  [Symbol.dispose](): void {
    this.#calls[Symbol.dispose]();
  }
}

function failure(message: string): ParseResult {
  return { kind: "error", message, line: undefined, files: {}, looked: {} };
}
