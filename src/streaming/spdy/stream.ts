import { ByteInbox } from "#streaming/byte-inbox.ts";
import type { Headers } from "./header-block.ts";

/** What waits for the reader of one stream before the whole session stops reading. */
export const streamInboxBytes = 256 * 1024;

/** What a stream needs of its session. */
export interface StreamPort {
  /** Resolves when the connection has taken the bytes into its bounded buffer. */
  sendData(streamId: number, chunk: Uint8Array, fin: boolean): Promise<void>;
  sendReply(streamId: number, headers: Headers): void;
  sendReset(streamId: number, status: number): void;
  /** Both sides are closed: the session forgets the stream. */
  forget(streamId: number): void;
}

/** One stream of a SPDY session. Both sides close on their own. */
export class SpdyStream {
  readonly id: number;
  /** As the opener sent them; names in lower case. */
  readonly headers: Headers;
  readonly #port: StreamPort;
  readonly #inbox = new ByteInbox(streamInboxBytes);
  readonly #closed = Promise.withResolvers<undefined>();
  #localOpen = true;
  #remoteOpen = true;

  constructor(port: StreamPort, id: number, headers: Headers) {
    this.#port = port;
    this.id = id;
    this.headers = headers;
  }

  /** What the peer sends, until it half-closes, resets the stream or the session ends. One reader. */
  get input(): AsyncIterable<Uint8Array> {
    return this.#inbox;
  }

  /** Settles when both sides are closed, or the session ended. */
  get closed(): Promise<undefined> {
    return this.#closed.promise;
  }

  /** Accepts a stream that the peer opened; must be called before data is sent on it. */
  reply(headers: Headers = {}): void {
    if (this.#localOpen) this.#port.sendReply(this.id, headers);
  }

  /**
   * Resolves when the connection has room for more. The bytes must not change afterwards.
   * @throws {Error} when our side is closed: by `end`, by a reset, or with the session.
   */
  async write(chunk: Uint8Array): Promise<void> {
    if (!this.#localOpen) throw new Error(`SPDY stream ${this.id} is closed for writing`);
    await this.#port.sendData(this.id, chunk, false);
  }

  /** Half-closes: the peer reads an end, and may still send. */
  end(): void {
    if (!this.#localOpen) return;
    this.#localOpen = false;
    this.#port.sendData(this.id, new Uint8Array(), true).catch(() => undefined);
    this.#settle();
  }

  /** Ends both sides at once. `status` is one of `resetStatus`. */
  reset(status: number): void {
    if (!this.#localOpen && !this.#remoteOpen) return;
    this.#port.sendReset(this.id, status);
    this.#inbox.discard();
    this.closeByPeer();
  }

  /** For the session: data from the peer. */
  receive(chunk: Uint8Array): void {
    if (this.#remoteOpen) this.#inbox.push(chunk);
  }

  /** For the session: whether reading must wait, and until when. */
  isFull(): boolean {
    return this.#inbox.isFull();
  }

  /** For the session. */
  room(): Promise<void> {
    return this.#inbox.room();
  }

  /** For the session: the peer half-closed. */
  receiveEnd(): void {
    this.#remoteOpen = false;
    this.#inbox.end();
    this.#settle();
  }

  /** For the session: the peer reset the stream, or the session ended (by `error`, if it broke). */
  closeByPeer(error?: Error): void {
    this.#localOpen = false;
    this.#remoteOpen = false;
    this.#inbox.end(error);
    this.#settle();
  }

  #settle(): void {
    if (this.#localOpen || this.#remoteOpen) return;
    this.#port.forget(this.id);
    this.#closed.resolve(undefined);
  }
}
