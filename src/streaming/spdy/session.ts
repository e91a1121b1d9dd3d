import type { Duplex } from "node:stream";
import { ByteInbox } from "#streaming/byte-inbox.ts";
import {
  dataHead,
  encodeGoaway,
  encodePing,
  encodeRstStream,
  encodeSynReply,
  encodeSynStream,
  type Frame,
  resetStatus,
  SpdyProtocolError,
} from "./frame.ts";
import { FrameReader } from "./frame-reader.ts";
import { decodeHeaders, encodeHeaders, type Headers } from "./header-block.ts";
import { HeaderDeflater, HeaderInflater } from "./header-compression.ts";
import { SpdyStream, type StreamPort } from "./stream.ts";

/** Streams open at once in a session; more are refused. A port-forward takes two a connection. */
export const streamsMax = 1024;

/** What is read from the connection before frames wait for their streams' readers. */
const readAheadBytes = 128 * 1024;

/** Peers cut their buffers by it, and it bounds how long one stream keeps the others waiting. */
const dataFrameBytesMax = 64 * 1024;

export interface SessionOptions {
  readonly role: "client" | "server";
  /** What the HTTP parser read beyond the upgrade. */
  readonly head?: Uint8Array;
}

/**
 * A SPDY/3.1 session over an upgraded connection, as Kubernetes uses it for exec, attach and
 * port-forward. Its peers (moby/spdystream) do no flow control: SETTINGS and WINDOW_UPDATE are read
 * and ignored, and a stream whose reader is slow stops the reading of the whole connection, as it
 * does in theirs. The session owns the connection from here on.
 */
export class SpdySession {
  readonly #connection: Duplex;
  readonly #streams = new Map<number, SpdyStream>();
  readonly #opening = new Map<number, PromiseWithResolvers<SpdyStream>>();
  readonly #deflater = new HeaderDeflater();
  readonly #incoming: SpdyStream[] = [];
  readonly #port: StreamPort;
  readonly #parity: number;
  readonly #closed: Promise<void>;
  #incomingChanged = Promise.withResolvers<undefined>();
  /** Made by the first writer that finds the connection's buffer full. */
  #drain: PromiseWithResolvers<undefined> | undefined;
  #nextId: number;
  #lastPeerId = 0;
  #ended = false;
  #end: Error | undefined;

  constructor(connection: Duplex, options: SessionOptions) {
    this.#connection = connection;
    this.#parity = options.role === "client" ? 1 : 0;
    this.#nextId = options.role === "client" ? 1 : 2;
    this.#port = {
      sendData: (id, chunk, fin) => this.#sendData(id, chunk, fin),
      sendReply: (id, headers) => {
        this.#send(encodeSynReply(id, this.#compress(headers), false));
      },
      sendReset: (id, status) => {
        this.#send(encodeRstStream(id, status));
      },
      forget: (id) => {
        this.#streams.delete(id);
      },
    };
    // The reading loop hears of errors too; this keeps a late one from being unhandled.
    connection.on("error", () => undefined);
    connection.on("drain", () => {
      this.#wakeWriters();
    });
    this.#closed = this.#run(options.head);
  }

  /** Settles when the connection is over; never rejects. */
  get closed(): Promise<void> {
    return this.#closed;
  }

  /** Streams that the peer opens, until the session ends. Answer each with `reply` or `reset`. */
  async *incoming(): AsyncGenerator<SpdyStream, void, undefined> {
    for (;;) {
      const stream = this.#incoming.shift();
      if (stream !== undefined) yield stream;
      else if (this.#ended) return;
      else await this.#incomingChanged.promise;
    }
  }

  /**
   * Opens a stream and waits for the peer's reply.
   * @throws {Error} when the peer refuses it, the session ends, or `signal` aborts.
   */
  async open(headers: Headers, signal: AbortSignal): Promise<SpdyStream> {
    signal.throwIfAborted();
    if (this.#ended) throw this.#endError("open a stream");
    const id = this.#nextId;
    this.#nextId += 2;
    const stream = new SpdyStream(this.#port, id, headers);
    const reply = Promise.withResolvers<SpdyStream>();
    this.#streams.set(id, stream);
    this.#opening.set(id, reply);
    this.#send(encodeSynStream(id, this.#compress(headers), false));
    function abort(): void {
      reply.reject(asError(signal.reason));
      stream.reset(resetStatus.cancel);
    }
    signal.addEventListener("abort", abort, { once: true });
    try {
      return await reply.promise;
    } finally {
      signal.removeEventListener("abort", abort);
      this.#opening.delete(id);
    }
  }

  /** Says goodbye and ends the connection when what was written has gone out. */
  close(): void {
    if (this.#ended) return;
    this.#send(encodeGoaway(this.#lastPeerId));
    this.#finish(undefined);
    this.#connection.end();
  }

  /** Drops the connection at once. */
  destroy(): void {
    this.#finish(undefined);
    this.#connection.destroy();
  }

  async #run(head: Uint8Array | undefined): Promise<void> {
    const reader = new FrameReader();
    using inflater = new HeaderInflater();
    try {
      const arrived = this.#arrived();
      if (head !== undefined) await this.#read(reader, inflater, head);
      for await (const chunk of arrived) {
        await this.#read(reader, inflater, chunk);
        if (this.#ended) break;
      }
      this.#finish(undefined);
      this.#connection.end();
    } catch (error) {
      this.#finish(asError(error));
      this.#connection.destroy();
    }
    // What the peer still sends after the end is thrown away, so that its FIN is seen.
    this.#connection.resume();
  }

  /**
   * What the connection brings. A server that has told its result closes while we may still be
   * writing; our write fails then, but what has arrived before is read to its end.
   */
  #arrived(): ByteInbox {
    const inbox = new ByteInbox(readAheadBytes);
    const connection = this.#connection;
    connection.on("data", (chunk: Uint8Array) => {
      inbox.push(chunk);
      if (!inbox.isFull() || connection.isPaused()) return;
      connection.pause();
      inbox.room().then(
        () => connection.resume(),
        () => undefined,
      );
    });
    connection.on("end", () => {
      inbox.end();
    });
    connection.on("error", (error) => {
      inbox.end(error);
    });
    connection.on("close", () => {
      inbox.end(new Error("the connection was closed"));
      this.#wakeWriters();
    });
    // Whoever held it before may have paused it.
    connection.resume();
    return inbox;
  }

  async #read(reader: FrameReader, inflater: HeaderInflater, chunk: Uint8Array): Promise<void> {
    for (const frame of reader.push(chunk)) {
      if (this.#ended) return;
      await this.#receive(frame, inflater);
    }
  }

  async #receive(frame: Frame, inflater: HeaderInflater): Promise<void> {
    switch (frame.kind) {
      case "data":
        await this.#receiveData(frame);
        return;
      case "syn-stream":
        this.#accept(frame, decodeHeaders(await inflater.decompress(frame.headerBlock)));
        return;
      case "syn-reply":
      case "headers":
        // Read even when nobody wants it: the next block depends on it.
        await inflater.decompress(frame.headerBlock);
        this.#receiveReply(frame);
        return;
      case "rst-stream":
        this.#opening
          .get(frame.streamId)
          ?.reject(new Error(`the peer refused SPDY stream ${frame.streamId}`));
        // Kubernetes' servers reset what is left when a command has ended: an end, not a failure.
        this.#streams.get(frame.streamId)?.closeByPeer();
        return;
      case "ping":
        if (frame.id % 2 !== this.#parity) this.#send(encodePing(frame.id));
        return;
      case "goaway":
        // Peers send nothing after it and wait for us to end the connection.
        this.#finish(undefined);
        this.#connection.end();
        return;
      case "settings":
      case "window-update":
      case "unknown":
        return;
    }
  }

  #receiveReply(frame: Extract<Frame, { kind: "syn-reply" | "headers" }>): void {
    const stream = this.#streams.get(frame.streamId);
    if (stream === undefined) return;
    if (frame.kind === "syn-reply") this.#opening.get(frame.streamId)?.resolve(stream);
    if (frame.fin) stream.receiveEnd();
  }

  async #receiveData(frame: Extract<Frame, { kind: "data" }>): Promise<void> {
    const stream = this.#streams.get(frame.streamId);
    if (stream === undefined) return;
    stream.receive(frame.chunk);
    if (frame.fin) stream.receiveEnd();
    if (stream.isFull()) await stream.room();
  }

  #accept(frame: Extract<Frame, { kind: "syn-stream" }>, headers: Headers): void {
    const id = frame.streamId;
    if (id % 2 === this.#parity || id <= this.#lastPeerId) {
      throw new SpdyProtocolError(`SPDY stream id ${id} is out of order`);
    }
    this.#lastPeerId = id;
    if (this.#streams.size >= streamsMax) {
      this.#send(encodeRstStream(id, resetStatus.refusedStream));
      return;
    }
    const stream = new SpdyStream(this.#port, id, headers);
    this.#streams.set(id, stream);
    if (frame.fin) stream.receiveEnd();
    this.#incoming.push(stream);
    this.#wakeIncoming();
  }

  /** No frame is read or written after it; readers of streams see an end, or the error. */
  #finish(error: Error | undefined): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#end = error;
    for (const reply of this.#opening.values()) reply.reject(this.#endError("open a stream"));
    for (const stream of [...this.#streams.values()]) stream.closeByPeer(error);
    this.#wakeIncoming();
    this.#wakeWriters();
  }

  #wakeIncoming(): void {
    this.#incomingChanged.resolve(undefined);
    this.#incomingChanged = Promise.withResolvers();
  }

  #compress(headers: Headers): Buffer {
    return this.#deflater.compress(encodeHeaders(headers));
  }

  #send(bytes: Uint8Array): void {
    if (!this.#ended && this.#connection.writable) this.#connection.write(bytes);
  }

  async #sendData(id: number, chunk: Uint8Array, fin: boolean): Promise<void> {
    let at = 0;
    do {
      if (this.#ended) throw this.#endError("write");
      const piece = chunk.subarray(at, at + dataFrameBytesMax);
      at += piece.length;
      this.#connection.cork();
      this.#send(dataHead(id, piece.length, fin && at >= chunk.length));
      if (piece.length > 0) this.#send(piece);
      this.#connection.uncork();
      await this.#drained();
    } while (at < chunk.length);
  }

  /** Resolves when the connection's buffer has emptied, or will never again. */
  async #drained(): Promise<void> {
    if (this.#ended || !this.#connection.writableNeedDrain) return;
    this.#drain ??= Promise.withResolvers();
    await this.#drain.promise;
  }

  #wakeWriters(): void {
    this.#drain?.resolve(undefined);
    this.#drain = undefined;
  }

  #endError(doing: string): Error {
    return new Error(`${doing}: the SPDY session is over`, { cause: this.#end });
  }
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}
