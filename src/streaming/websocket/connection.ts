import type { RawData, WebSocket } from "ws";
import { ByteInbox } from "#streaming/byte-inbox.ts";

/** What waits for the reader before the connection stops reading. */
const inboxBytes = 1024 * 1024;
/** What may wait to be sent before a writer waits. */
const outboxBytes = 256 * 1024;

/** A WebSocket as messages both ways with back-pressure. It owns the socket. */
export class WebSocketConnection {
  readonly #socket: WebSocket;
  readonly #inbox = new ByteInbox(inboxBytes);
  readonly #closed = Promise.withResolvers<undefined>();

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on("message", (data) => {
      this.#received(data);
    });
    socket.on("error", (error) => {
      this.#inbox.end(error);
    });
    socket.on("close", () => {
      this.#inbox.end();
      this.#closed.resolve(undefined);
    });
  }

  /** Messages that are not empty, until the peer closes; one reader. */
  get messages(): AsyncIterable<Uint8Array> {
    return this.#inbox;
  }

  /** Settles when the connection is over. */
  get closed(): Promise<undefined> {
    return this.#closed.promise;
  }

  /**
   * Sends one message, as text when it is a string. Resolves when the connection has room for more.
   * @throws {Error} when the connection is over.
   */
  async send(message: Uint8Array | string): Promise<void> {
    const sent = Promise.withResolvers<undefined>();
    this.#socket.send(message, { binary: typeof message !== "string" }, (error) => {
      if (error instanceof Error) sent.reject(error);
      else sent.resolve(undefined);
    });
    if (
      this.#socket.readyState === this.#socket.OPEN &&
      this.#socket.bufferedAmount < outboxBytes
    ) {
      // A failure shows at the next send, and as the end of the connection.
      sent.promise.catch(() => undefined);
      return;
    }
    await sent.promise;
  }

  /** Closes in order: what was sent arrives first, and what still comes is thrown away. */
  close(code = 1000, reason = ""): void {
    this.#inbox.discard();
    this.#socket.resume();
    this.#socket.close(code, reason);
  }

  /** Drops the connection at once. */
  destroy(): void {
    this.#inbox.discard();
    this.#socket.terminate();
  }

  #received(data: RawData): void {
    this.#inbox.push(bytesOf(data));
    if (!this.#inbox.isFull() || this.#socket.isPaused) return;
    this.#socket.pause();
    this.#inbox.room().then(
      () => {
        this.#socket.resume();
      },
      () => undefined,
    );
  }
}

function bytesOf(data: RawData): Uint8Array {
  if (Array.isArray(data)) return Buffer.concat(data);
  return data instanceof ArrayBuffer ? new Uint8Array(data) : data;
}
