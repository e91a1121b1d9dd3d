import { randomUUID } from "node:crypto";
import type { Clock } from "#base/clock.ts";
import type { BlobWriter } from "#images/store/image-store.ts";
import { Refusal } from "./http/refusal.ts";

/** Uploads at a time; a client has three to five. */
const sessionsMax = 1_000;
/** An upload that nothing was heard of for so long is given up. */
const idleMs = 3_600_000;
const sweepMs = 60_000;

/** A blob that comes in several requests. */
export interface UploadSession {
  readonly id: string;
  readonly repository: string;
  readonly writer: BlobWriter;
  /** A request writes to it now. */
  isBusy: boolean;
  /** Milliseconds of the monotonic clock. */
  touchedAt: number;
}

/** Uploads that have begun and have not ended. They do not outlive the process. */
export class UploadSessions implements AsyncDisposable {
  readonly #clock: Clock;
  readonly #sessions = new Map<string, UploadSession>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** @throws {Refusal} when there are too many. */
  async begin(repository: string, open: () => Promise<BlobWriter>): Promise<UploadSession> {
    if (this.#sessions.size >= sessionsMax) {
      const headers = { "retry-after": "10" };
      const message = `${sessionsMax} uploads are under way: try again later`;
      throw new Refusal(429, "TOOMANYREQUESTS", message, { headers });
    }
    const writer = await open();
    const touchedAt = this.#clock.monotonic();
    const session = { id: randomUUID(), repository, writer, isBusy: false, touchedAt };
    this.#sessions.set(session.id, session);
    return session;
  }

  /** @throws {Refusal} when there is none in this repository. */
  find(repository: string, id: string): UploadSession {
    const session = this.#sessions.get(id);
    if (session?.repository !== repository) {
      throw new Refusal(404, "BLOB_UPLOAD_UNKNOWN", `no upload ${id} in ${repository}`);
    }
    session.touchedAt = this.#clock.monotonic();
    return session;
  }

  /** Runs `use` alone. @throws {Refusal} while another request writes to the session. */
  async use<T>(session: UploadSession, use: () => Promise<T>): Promise<T> {
    if (session.isBusy) {
      const message = "another request writes to this upload";
      throw new Refusal(409, "BLOB_UPLOAD_INVALID", message);
    }
    session.isBusy = true;
    try {
      return await use();
    } finally {
      session.isBusy = false;
      session.touchedAt = this.#clock.monotonic();
    }
  }

  /** Forgets it, and what it has that is no blob yet. */
  async end(session: UploadSession): Promise<void> {
    this.#sessions.delete(session.id);
    await session.writer[Symbol.asyncDispose]();
  }

  /** Gives up idle uploads until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#clock.sleep(sweepMs, signal);
      const before = this.#clock.monotonic() - idleMs;
      for (const session of this.#sessions.values()) {
        if (!session.isBusy && session.touchedAt < before) await this.end(session);
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const session of this.#sessions.values()) await this.end(session);
  }
}
