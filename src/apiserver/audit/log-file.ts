import { Buffer } from "node:buffer";
import { mkdir, open, readdir, rename, rm, type FileHandle } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { MetricRegistry } from "#base/metrics/registry.ts";
import { TaskGroup } from "#base/task-group.ts";
import type { AuditSink } from "./auditor.ts";
import { backupName, expiredBackups, type LogLimits } from "./rotation.ts";

/** UTF-16 units that wait for the disk; what comes beyond is lost and counted. */
const waitingLengthMax = 32 * 1024 * 1024;
/** Lines that are written together; as upstream's batches, which also bound what a fault loses. */
const batchLinesMax = 400;

export interface AuditLogOptions {
  readonly path: string;
  readonly limits: LogLimits;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: MetricRegistry;
}

/** The log's file and its older parts. Disposing it writes what waits. */
export class AuditLog implements AuditSink, AsyncDisposable {
  readonly #options: AuditLogOptions;
  readonly #tasks: TaskGroup;
  readonly #lost;
  readonly #waiting: string[] = [];
  #waitingLength = 0;
  #file: { readonly handle: FileHandle; size: number } | undefined;
  #isWriting = false;
  #isBroken = false;

  private constructor(options: AuditLogOptions) {
    this.#options = options;
    this.#tasks = new TaskGroup((error) => {
      options.log.error("audit log failed", { error: error as Error });
    });
    this.#lost = options.metrics.counter({
      name: "apiserver_audit_error_total",
      help: "Events that were lost: buffered, as too many waited; log, as they could not be written.",
      labels: ["plugin"],
    });
  }

  /** @throws {Error} when the file cannot be written. */
  static async open(options: AuditLogOptions): Promise<AuditLog> {
    const log = new AuditLog(options);
    log.#file = await openFile(options.path);
    return log;
  }

  write(line: string): void {
    if (this.#waitingLength + line.length > waitingLengthMax) {
      this.#lost.of("buffered").add();
      return;
    }
    this.#waiting.push(line);
    this.#waitingLength += line.length;
    if (this.#isWriting) return;
    this.#isWriting = true;
    this.#tasks.start(() => this.#writeAll());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tasks[Symbol.asyncDispose]();
    await this.#file?.handle.close();
    this.#file = undefined;
  }

  async #writeAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const lines = this.#waiting.splice(0, batchLinesMax);
      const text = lines.join("");
      try {
        await this.#append(Buffer.from(text));
        this.#isBroken = false;
      } catch (error) {
        this.#lost.of("log").add(lines.length);
        await this.#failed(error);
      }
      this.#waitingLength -= text.length;
    }
    this.#isWriting = false;
  }

  async #append(bytes: Buffer): Promise<void> {
    const { path, limits } = this.#options;
    this.#file ??= await openFile(path);
    if (this.#file.size > 0 && this.#file.size + bytes.length > limits.bytesMax) {
      await this.#rotate();
    }
    const file = (this.#file ??= await openFile(path));
    await file.handle.appendFile(bytes);
    file.size += bytes.length;
  }

  async #rotate(): Promise<void> {
    const { path, limits, clock } = this.#options;
    const [folder, name] = [dirname(path), basename(path)];
    await this.#file?.handle.close();
    this.#file = undefined;
    await rename(path, join(folder, backupName(name, clock.now())));
    const files = await readdir(folder);
    for (const it of expiredBackups(name, files, clock.now(), limits)) {
      await rm(join(folder, it), { force: true });
    }
  }

  /** Opens the file anew for the next lines: a full disk has room again, a folder is back. */
  async #failed(error: unknown): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.handle.close().catch(() => undefined);
    if (this.#isBroken) return;
    this.#isBroken = true;
    const { log, path } = this.#options;
    log.error("audit events are lost until the log can be written", {
      path,
      error: error as Error,
    });
  }
}

async function openFile(path: string): Promise<{ readonly handle: FileHandle; size: number }> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const handle = await open(path, "a", 0o600);
  return { handle, size: (await handle.stat()).size };
}
