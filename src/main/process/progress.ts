import { createWriteStream } from "node:fs";
import type { Writable } from "node:stream";
import colors from "picocolors";

/** What a starting instance tells the `gantry up` that waits for it, one JSON object a line. */
export type ProgressMessage =
  | { readonly kind: "step"; readonly text: string }
  | { readonly kind: "ready" }
  | { readonly kind: "failed"; readonly message: string };

/** The file descriptor on which `up` listens to its daemon. */
export const progressDescriptor = 3;

/** Sends progress to the waiting `up`; silent when nobody waits. */
export class ProgressSender {
  readonly #out: Writable | undefined;

  constructor(descriptor: number | undefined) {
    this.#out = descriptor === undefined ? undefined : createWriteStream("", { fd: descriptor });
    this.#out?.on("error", () => undefined); // `up` was interrupted; the daemon goes on.
  }

  send(message: ProgressMessage): void {
    this.#out?.write(`${JSON.stringify(message)}\n`);
  }

  /** Nothing more will be sent. */
  close(): void {
    this.#out?.end();
  }
}

/** Shows steps with the time since the start, on standard error: ours is for what was asked. */
export class ProgressPrinter {
  readonly #write: (text: string) => void;
  readonly #monotonic: () => number;
  readonly #startedMs: number;

  constructor(write: (text: string) => void, monotonic: () => number) {
    this.#write = write;
    this.#monotonic = monotonic;
    this.#startedMs = monotonic();
  }

  step(text: string): void {
    const seconds = ((this.#monotonic() - this.#startedMs) / 1_000).toFixed(1).padStart(5);
    this.#write(`${colors.dim(`${seconds} s`)}  ${text}\n`);
  }
}
