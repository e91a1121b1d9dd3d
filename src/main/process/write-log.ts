import { copyFileSync, fstatSync, renameSync, statSync, truncateSync } from "node:fs";
import { systemClock } from "#base/clock.ts";
import { jsonLogger, type Logger, type LogLevel } from "#base/log.ts";

/** A log that has grown to this is copied away and begun anew. */
const logBytesMax = 10 * 1024 * 1024;
/** Copies that are kept: `gantry.log.1`, the newest, to `.3`. */
const copiesMax = 3;
const stderrDescriptor = 2;

/** The log of this process: lines on stderr, of which the file, if it is `path`, has a bound. */
export function processLog(level: LogLevel, path: string | undefined): Logger {
  const file = path === undefined ? undefined : LogFile.of(stderrDescriptor, path);
  const write = (line: string): void => {
    file?.written(Buffer.byteLength(line));
    writeLog(line);
  };
  return jsonLogger(systemClock, write, { level });
}

/**
 * Writes a line of the log. One that cannot be written, for the disk is full, is lost: that is no
 * reason to end what runs.
 */
export function writeLog(line: string): void {
  if (process.stderr.listenerCount("error") === 0) {
    process.stderr.on("error", () => undefined);
  }
  process.stderr.write(line);
}

/**
 * Bounds a file that a descriptor appends to. It is copied and cut rather than renamed: the
 * descriptor stays, and what else writes to it goes on to where it is looked for.
 */
export class LogFile {
  readonly #path: string;
  readonly #bytesMax: number;
  #bytes: number;

  private constructor(path: string, bytes: number, bytesMax: number) {
    this.#path = path;
    this.#bytes = bytes;
    this.#bytesMax = bytesMax;
  }

  /** Undefined when the descriptor is not of that file: a terminal, or a pipe. */
  static of(descriptor: number, path: string, bytesMax = logBytesMax): LogFile | undefined {
    try {
      const [open, named] = [fstatSync(descriptor), statSync(path)];
      const isSame = open.isFile() && open.ino === named.ino && open.dev === named.dev;
      return isSame ? new LogFile(path, open.size, bytesMax) : undefined;
    } catch {
      return undefined; // There is no such file, and so no bound for it.
    }
  }

  /** To be called before so many bytes are written. Never throws. */
  written(bytes: number): void {
    if (this.#bytes + bytes > this.#bytesMax) this.#rotate();
    this.#bytes += bytes;
  }

  #rotate(): void {
    this.#bytes = 0;
    for (let number = copiesMax - 1; number >= 1; number--) {
      attempt(() => {
        renameSync(`${this.#path}.${number}`, `${this.#path}.${number + 1}`);
      });
    }
    attempt(() => {
      copyFileSync(this.#path, `${this.#path}.1`);
    });
    // On a full disk there is no copy; the bound holds all the same.
    attempt(() => {
      truncateSync(this.#path);
    });
  }
}

function attempt(step: () => void): void {
  try {
    step();
  } catch {
    // No such copy yet, or no room for one.
  }
}
