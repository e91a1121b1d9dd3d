import { watch, type FSWatcher } from "node:fs";
import { basename, dirname } from "node:path";

/**
 * Tells when a log file may have something new: it was written, renamed or made again, or its
 * container has ended. The folder is watched, since the name goes to another file on rotation.
 */
export class LogWatch implements Disposable {
  readonly #watcher: FSWatcher;
  readonly #stop = new AbortController();
  #hasEnded = false;
  #isDirty = false;
  #failure: Error | undefined;
  #wake: (() => void) | undefined;

  /** @param ended resolves when the container ended. @throws {Error} when the folder is missing. */
  constructor(path: string, ended: (signal: AbortSignal) => Promise<void>, signal: AbortSignal) {
    const name = basename(path);
    this.#watcher = watch(dirname(path), (_event, file) => {
      if (file === name || file === null) this.#changed();
    });
    this.#watcher.on("error", (error) => {
      this.#failed(error);
    });
    const either = AbortSignal.any([signal, this.#stop.signal]);
    ended(either).then(
      () => {
        this.#hasEnded = true;
        this.#changed();
      },
      (error: unknown) => {
        this.#failed(error);
      },
    );
  }

  /** What is written after the container ended is not waited for. True as well after an abort. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Resolves at the next change, or at once when there was one since the last call. */
  async changed(): Promise<void> {
    if (!this.#isDirty) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    this.#isDirty = false;
    if (this.#failure !== undefined) throw this.#failure;
  }

  [Symbol.dispose](): void {
    this.#stop.abort(new Error("the log is not read any more"));
    this.#watcher.close();
  }

  #failed(error: unknown): void {
    this.#failure = new Error("follow a log", { cause: error });
    this.#changed();
  }

  #changed(): void {
    this.#isDirty = true;
    this.#wake?.();
    this.#wake = undefined;
  }
}
