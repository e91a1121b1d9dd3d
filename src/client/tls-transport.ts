import { connect, constants, type ClientHttp2Session, type ClientHttp2Stream } from "node:http2";
import type { Clock } from "#base/clock.ts";
import { TaskGroup } from "#base/task-group.ts";
import { chunksOf } from "./stream-body.ts";
import {
  TransportError,
  type HttpRequest,
  type HttpResponse,
  type Transport,
} from "./transport.ts";

export interface TlsTransportOptions {
  /** `https://host:port`, with a path in front of the API's where a proxy serves several. */
  readonly server: string;
  /** PEM of the authorities that may sign the server; undefined: those of the system. */
  readonly certificateAuthority?: string | undefined;
  /** PEM; both or none. */
  readonly clientCertificate?: string | undefined;
  readonly clientKey?: string | undefined;
  /** Asked for each request, so that a token may change while the process runs. */
  readonly bearerToken?: (() => Promise<string>) | undefined;
  /** Name that the server's certificate must carry, when it is not the address's host. */
  readonly serverName?: string | undefined;
  /** Accept any server. Only ever by the user's own demand. */
  readonly insecureSkipVerify?: boolean | undefined;
  readonly userAgent: string;
  readonly clock: Clock;
}

/** A connection without an answer to a ping for this long is dead. client-go: 30 s and 15 s. */
const pingAfterMs = 30_000;
const pingAnswerMs = 15_000;
const connectMs = 10_000;
/** Streams on one connection; past it another is opened. Servers refuse more than 100 to 250. */
const streamsMax = 90;
/**
 * What a server may send ahead of its reader, in a stream and in a connection. With HTTP/2's own 64 KiB
 * a watch gets no more than that in each turn of a busy process. client-go: 4 MiB and 1 GiB.
 */
const streamWindowBytes = 4 * 2 ** 20;
const connectionWindowBytes = 64 * 2 ** 20;

/** Opens HTTP/2 connections to one API server as they are needed, and reopens those that break. */
export class TlsTransport implements Transport, AsyncDisposable {
  readonly #options: TlsTransportOptions;
  readonly #origin: string;
  readonly #prefix: string;
  readonly #connections = new Set<Connection>();
  readonly #tasks = new TaskGroup(() => undefined);

  /** @throws {Error} when the server's address is not an https URL. */
  constructor(options: TlsTransportOptions) {
    const url = URL.parse(options.server);
    if (url?.protocol !== "https:") {
      throw new Error(`server '${options.server}': expected an address like https://host:6443`);
    }
    this.#options = options;
    this.#origin = url.origin;
    this.#prefix = url.pathname.replace(/\/$/, "");
  }

  async send(request: HttpRequest, signal: AbortSignal): Promise<HttpResponse> {
    signal.throwIfAborted();
    const token = await this.#options.bearerToken?.();
    const headers = {
      ...request.headers,
      "user-agent": this.#options.userAgent,
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      [constants.HTTP2_HEADER_METHOD]: request.method,
      [constants.HTTP2_HEADER_PATH]: this.#prefix + request.path,
    };
    const connection = this.#connection();
    await connection.ready(signal);
    return await connection.send(headers, request.body, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const connection of this.#connections) connection.destroy();
    await this.#tasks[Symbol.asyncDispose]();
  }

  #connection(): Connection {
    for (const connection of this.#connections) {
      if (connection.isUsable) return connection;
    }
    const { server, ...options } = this.#options;
    const session = connect(this.#origin, {
      ca: options.certificateAuthority,
      cert: options.clientCertificate,
      key: options.clientKey,
      servername: options.serverName,
      rejectUnauthorized: options.insecureSkipVerify !== true,
      ALPNProtocols: ["h2"],
      settings: { initialWindowSize: streamWindowBytes },
    });
    session.once("connect", () => {
      session.setLocalWindowSize(connectionWindowBytes);
    });
    const connection = new Connection(session, server);
    this.#connections.add(connection);
    session.once("close", () => this.#connections.delete(connection));
    this.#tasks.start((signal) => connection.watchOver(options.clock, signal));
    return connection;
  }
}

type Headers = Readonly<Record<string, string>>;

class Connection {
  readonly #session: ClientHttp2Session;
  readonly #server: string;
  readonly #connected: Promise<void>;
  readonly #closed: Promise<void>;
  #streams = 0;
  #heardFrom = false;

  constructor(session: ClientHttp2Session, server: string) {
    this.#session = session;
    this.#server = server;
    this.#closed = new Promise((resolve) => session.once("close", resolve));
    this.#connected = new Promise((resolve, reject) => {
      session.once("connect", () => {
        resolve();
      });
      session.on("error", (error) => {
        reject(this.#failure(error));
      });
      session.once("close", () => {
        reject(this.#failure(undefined));
      });
    });
    // Failures are told to those who await `ready`; there may be none left.
    this.#connected.catch(() => undefined);
    // After a GOAWAY no stream may begin: let the present ones end.
    session.once("goaway", () => {
      session.close();
    });
  }

  get isUsable(): boolean {
    if (this.#session.closed || this.#session.destroyed) return false;
    const allowed = this.#session.remoteSettings.maxConcurrentStreams ?? streamsMax;
    return this.#streams < Math.min(allowed, streamsMax);
  }

  async ready(signal: AbortSignal): Promise<void> {
    this.#streams++;
    try {
      await orAborted(this.#connected, signal);
    } catch (error) {
      this.#streams--;
      throw error;
    }
  }

  /** After {@link ready}, which counted the stream. */
  send(headers: Headers, body: Uint8Array | undefined, signal: AbortSignal): Promise<HttpResponse> {
    return new Promise((resolve, reject) => {
      let stream: ClientHttp2Stream;
      try {
        stream = this.#session.request({ ...headers }, { endStream: body === undefined });
      } catch (error) {
        this.#streams--;
        reject(this.#failure(error));
        return;
      }
      let isAnswered = false;
      const aborted = (): void => {
        stream.destroy(reasonOf(signal));
      };
      signal.addEventListener("abort", aborted, { once: true });
      stream.once("response", (received) => {
        this.#heardFrom = isAnswered = true;
        const status = Number(received[constants.HTTP2_HEADER_STATUS]);
        resolve({ status, headers: plainHeaders(received), body: this.#bodyOf(stream, signal) });
      });
      stream.on("error", (error) => {
        reject(signal.aborted ? reasonOf(signal) : this.#failure(error));
      });
      stream.once("close", () => {
        this.#streams--;
        signal.removeEventListener("abort", aborted);
        // Every stream closes: an error is made only where somebody waits for it.
        if (!isAnswered) reject(this.#failure(undefined));
      });
      if (body !== undefined) stream.end(body);
    });
  }

  destroy(): void {
    this.#session.destroy();
  }

  /** Ends the connection when it does not come up, or the other side falls silent. */
  async watchOver(clock: Clock, signal: AbortSignal): Promise<void> {
    await this.#withinOrDestroy(this.#connected, { ms: connectMs, clock }, signal);
    const ended = this.#closed.then(() => true);
    const over = new AbortController();
    const either = AbortSignal.any([signal, over.signal]);
    const stopped = ended.then(() => {
      over.abort(new Error("connection closed"));
    });
    try {
      while (!this.#session.destroyed) {
        await clock.sleep(pingAfterMs, either);
        if (this.#heardFrom) {
          this.#heardFrom = false;
          continue;
        }
        await this.#withinOrDestroy(this.#ping(), { ms: pingAnswerMs, clock }, either);
      }
    } catch {
      // Closed, or the transport is being disposed of, which destroys the session.
    }
    await stopped;
  }

  async *#bodyOf(stream: ClientHttp2Stream, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    try {
      for await (const chunk of chunksOf(stream)) {
        this.#heardFrom = true;
        yield chunk;
      }
    } catch (error) {
      throw signal.aborted ? reasonOf(signal) : this.#brokenOff(error);
    } finally {
      if (!stream.destroyed) stream.close(constants.NGHTTP2_CANCEL);
    }
  }

  #ping(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#session.ping((error) => {
        if (error === null) resolve();
        else reject(error);
      });
    });
  }

  async #withinOrDestroy(
    work: Promise<void>,
    limit: { readonly ms: number; readonly clock: Clock },
    signal: AbortSignal,
  ): Promise<void> {
    const stop = new AbortController();
    const late = limit.clock.sleep(limit.ms, AbortSignal.any([signal, stop.signal])).then(
      () => {
        this.#session.destroy(new Error(`no answer within ${limit.ms} ms`));
      },
      () => undefined,
    );
    await work.catch(() => undefined);
    stop.abort();
    await late;
  }

  #failure(cause: unknown): TransportError {
    const what = this.#session.destroyed || cause !== undefined ? "cannot reach" : "lost";
    const message = `${what} the API server at ${this.#server}; is it running and the address right?`;
    return new TransportError(message, { cause });
  }

  #brokenOff(cause: unknown): TransportError {
    const message = `the answer of the API server at ${this.#server} broke off; is it still running? Try again`;
    return new TransportError(message, { cause });
  }
}

function plainHeaders(received: Readonly<Record<string, unknown>>): Record<string, string> {
  const plain: Record<string, string> = {};
  for (const [name, value] of Object.entries(received)) {
    if (!name.startsWith(":")) plain[name] = String(value);
  }
  return plain;
}

function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const aborted = (): void => {
      reject(reasonOf(signal));
    };
    if (signal.aborted) {
      aborted();
      return;
    }
    signal.addEventListener("abort", aborted, { once: true });
    work
      .then(resolve, reject)
      .finally(() => {
        signal.removeEventListener("abort", aborted);
      })
      .catch(() => undefined);
  });
}

function reasonOf(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new Error(String(signal.reason));
}
