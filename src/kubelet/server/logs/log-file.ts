import { open, stat, type FileHandle } from "node:fs/promises";
import { findTail } from "./tail.ts";

const pieceBytes = 64 * 1024;

/** An open log file and how far it was read. It stays the same file when its name goes to another. */
export class LogFile implements AsyncDisposable {
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #inode: number;
  readonly #piece = Buffer.alloc(pieceBytes);
  #position = 0;

  private constructor(path: string, file: FileHandle, inode: number) {
    this.#path = path;
    this.#file = file;
    this.#inode = inode;
  }

  /** Undefined: there is no such file. */
  static async open(path: string): Promise<LogFile | undefined> {
    try {
      const file = await open(path, "r");
      const { ino } = await file.stat();
      return new LogFile(path, file, ino);
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw error;
    }
  }

  /** Goes to where the last lines start. */
  async seekTail(lines: number): Promise<void> {
    this.#position = await findTail(this.#file, await this.size(), lines);
  }

  async size(): Promise<number> {
    return (await this.#file.stat()).size;
  }

  /** The next piece, at most up to `end`; undefined at the end. Valid until the next call. */
  async read(end: number): Promise<Buffer | undefined> {
    const length = Math.min(pieceBytes, end - this.#position);
    if (length <= 0) return undefined;
    const { bytesRead } = await this.#file.read(this.#piece, 0, length, this.#position);
    if (bytesRead === 0) return undefined;
    this.#position += bytesRead;
    return this.#piece.subarray(0, bytesRead);
  }

  /** True when the name belongs to another file now: the log was rotated. */
  async isReplaced(): Promise<boolean> {
    try {
      return (await stat(this.#path)).ino !== this.#inode;
    } catch (error) {
      // Renamed, and the runtime has not made the next one yet.
      if (isAbsent(error)) return false;
      throw error;
    }
  }

  /** Starts over when the file was cut. True when it was. */
  async rewindIfCut(): Promise<boolean> {
    if ((await this.size()) >= this.#position) return false;
    this.#position = 0;
    return true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }
}

function isAbsent(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}
