import type { Clock } from "#base/clock.ts";
import { ByteInbox } from "#streaming/byte-inbox.ts";
import type { Step } from "./program.ts";

/** Where a simulated process reads and writes. */
export interface ProcessIo {
  readonly stdin: AsyncIterable<Uint8Array>;
  print(stream: "stdout" | "stderr", bytes: Uint8Array): Promise<void>;
}

/** Runs a program to its end and resolves with the exit code. Rejects when the signal aborts. */
export async function runProgram(
  steps: readonly Step[],
  io: ProcessIo,
  clock: Clock,
  signal: AbortSignal,
): Promise<number> {
  for (const step of steps) {
    signal.throwIfAborted();
    switch (step.kind) {
      case "print":
        await io.print(step.stream, Buffer.from(step.text));
        break;
      case "sleep":
        await clock.sleep(step.ms, signal);
        break;
      case "copy-stdin":
        for await (const chunk of io.stdin) await io.print("stdout", chunk);
        break;
      case "exit":
        return step.code;
      case "forever":
        await aborted(signal);
        break;
    }
  }
  return 0;
}

/** A bounded pipe: the writer waits for the reader. */
export class Pipe {
  readonly inbox = new ByteInbox(64 * 1024);

  async write(chunk: Uint8Array): Promise<void> {
    this.inbox.push(chunk);
    await this.inbox.room();
  }

  end(): void {
    this.inbox.end();
  }
}

async function aborted(signal: AbortSignal): Promise<never> {
  return await new Promise<never>((_, reject) => {
    function abort(): void {
      reject(signal.reason instanceof Error ? signal.reason : new Error(String(signal.reason)));
    }
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
  });
}
