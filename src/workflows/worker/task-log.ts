import { closeSync, mkdirSync, openSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { formatWithOptions } from "node:util";
import type { Clock } from "#base/clock.ts";

/** Most bytes of one try's log; what comes after is counted and dropped. */
export const logSizeMax = 10 * 1024 * 1024;
/** Shorter secrets are not masked: they would tear ordinary words apart. */
const secretLengthMin = 4;
const lineLengthMax = 64 * 1024;

/** Where a log's lines go. */
export interface LogSink {
  write(lines: string): void;
  close(): void;
}

/** Appends to a file, whose folders are made. */
export function fileSink(path: string): LogSink {
  mkdirSync(dirname(path), { recursive: true });
  const file = openSync(path, "a", 0o640);
  return {
    write: (lines) => {
      writeSync(file, lines);
    },
    close: () => {
      closeSync(file);
    },
  };
}

/** The log of one try of a task. Secrets that the task was given are masked. */
export class TaskLog implements Disposable {
  readonly #sink: LogSink;
  readonly #clock: Clock;
  readonly #secrets = new Set<string>();
  #size = 0;
  #dropped = 0;
  /** What was written without an end of line yet, by level. */
  readonly #open = new Map<string, string>();

  constructor(sink: LogSink, clock: Clock) {
    this.#sink = sink;
    this.#clock = clock;
  }

  /** Masks a text from now on. */
  addSecret(secret: string | undefined): void {
    if (secret !== undefined && secret.length >= secretLengthMin) this.#secrets.add(secret);
  }

  line(level: "INFO" | "WARNING" | "ERROR", text: string): void {
    const time = new Date(this.#clock.now()).toISOString();
    for (const part of text.split("\n")) {
      this.#write(`[${time}] ${level} - ${part.slice(0, lineLengthMax)}\n`);
    }
  }

  /** As `console.log` prints values. */
  values(level: "INFO" | "WARNING" | "ERROR", values: readonly unknown[]): void {
    this.line(level, formatWithOptions({ depth: 6 }, ...values));
  }

  /** A piece of a stream; lines are written when they end. */
  chunk(level: "INFO" | "ERROR", text: string): void {
    const lines = `${this.#open.get(level) ?? ""}${text}`.split("\n");
    const rest = lines.pop() ?? "";
    this.#open.set(level, rest.length > lineLengthMax ? "" : rest);
    for (const line of rest.length > lineLengthMax ? [...lines, rest] : lines) {
      this.line(level, line);
    }
  }

  [Symbol.dispose](): void {
    for (const [level, rest] of this.#open) {
      if (rest !== "") this.line(level === "ERROR" ? "ERROR" : "INFO", rest);
    }
    if (this.#dropped > 0) {
      const note = `log ends here: ${this.#dropped} bytes beyond ${logSizeMax} were dropped\n`;
      this.#sink.write(note);
    }
    this.#sink.close();
  }

  #write(line: string): void {
    const masked = this.#mask(line);
    const size = Buffer.byteLength(masked);
    if (this.#size + size > logSizeMax) {
      this.#dropped += size;
      return;
    }
    this.#size += size;
    this.#sink.write(masked);
  }

  #mask(text: string): string {
    let masked = text;
    for (const secret of this.#secrets) masked = masked.replaceAll(secret, "***");
    return masked;
  }
}

/** Whether a variable of this name is a secret: by the words that Airflow looks for. */
export function isSensitive(name: string): boolean {
  return /access_token|api_?key|authorization|passphrase|passwd|password|private_?key|secret|token|keyfile_dict|service_account/i.test(
    name,
  );
}
