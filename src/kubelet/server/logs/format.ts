import { fixedTime, parseLogEntry, timeOf } from "./line.ts";
import type { LogOptions } from "./options.ts";

const newline = 0x0a;
/** An entry may be this long; what has no newline by then is no log and is dropped. */
const entryBytesMax = 1024 * 1024;

/**
 * Turns a log file's bytes, in whatever pieces they come, into what the reader of the log sees:
 * the contents of the wanted streams, parts of a line joined, with times before them if asked for.
 */
export class LogFormatter {
  readonly #options: LogOptions;
  /** The beginning of an entry whose end has not come. */
  #rest: Buffer = Buffer.alloc(0);
  #leftBytes: number;
  /** Entries are nearly in order, so the first one that is young enough ends the search. */
  #reachedSince: boolean;
  #isLineStart = true;

  constructor(options: LogOptions) {
    this.#options = options;
    this.#leftBytes = options.limitBytes ?? Number.POSITIVE_INFINITY;
    this.#reachedSince = options.sinceMs === undefined;
  }

  /** True when the limit of bytes is reached: nothing more comes. */
  get isFull(): boolean {
    return this.#leftBytes <= 0;
  }

  /** Bytes that were pushed and wait for the end of their entry. */
  get pendingBytes(): number {
    return this.#rest.length;
  }

  /** The output for a piece of the file; empty when no entry is complete yet. The piece is copied. */
  push(piece: Buffer): Buffer {
    const bytes = this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece]);
    const output: Buffer[] = [];
    let start = 0;
    for (let end = bytes.indexOf(newline); end >= 0 && !this.isFull;) {
      this.#entry(bytes, start, end, output);
      start = end + 1;
      end = bytes.indexOf(newline, start);
    }
    const rest = bytes.subarray(start);
    this.#rest = rest.length > entryBytesMax ? Buffer.alloc(0) : Buffer.from(rest);
    return Buffer.concat(output);
  }

  /** Another file goes on: an entry that was cut off does not continue in it. */
  nextFile(): void {
    this.#rest = Buffer.alloc(0);
  }

  #entry(bytes: Buffer, start: number, end: number, output: Buffer[]): void {
    const entry = parseLogEntry(bytes, start, end);
    if (entry === undefined) return;
    const { streams, timestamps, sinceMs = 0 } = this.#options;
    if (!(entry.isStdout ? streams.stdout : streams.stderr)) return;
    if (!this.#reachedSince) {
      if (timeOf(bytes, start, entry.timeEnd) < sinceMs) return;
      this.#reachedSince = true;
    }
    if (timestamps && this.#isLineStart) {
      this.#write(Buffer.from(`${fixedTime(bytes, start, entry.timeEnd)} `), output);
    }
    this.#write(bytes.subarray(entry.contentStart, entry.isPartial ? end : end + 1), output);
    this.#isLineStart = !entry.isPartial;
  }

  #write(bytes: Buffer, output: Buffer[]): void {
    const taken = bytes.length > this.#leftBytes ? bytes.subarray(0, this.#leftBytes) : bytes;
    this.#leftBytes -= taken.length;
    output.push(taken);
  }
}
