import http, { type IncomingMessage } from "node:http";
import http2 from "node:http2";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import tls, { type TLSSocket } from "node:tls";
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import { TaskGroup } from "#base/task-group.ts";
import { StatusError } from "#api/status.ts";
import { statusResponse } from "#apiserver/status-response.ts";
import { callerOf } from "./caller.ts";
import { compress, shouldCompress } from "./compression.ts";
import { Deadlines } from "./deadlines.ts";
import type { ApiHandler, ApiResponse, Caller, UpgradeHandler } from "./exchange.ts";
import type { FrontRequest } from "./front-request.ts";
import { refuseUpgrade, requestOf, serveHttp1 } from "./http1.ts";
import { serveHttp2, type Serving } from "./http2.ts";
import {
  drainMs,
  headerBytesMax,
  headersTimeoutMs,
  idleTimeoutMs,
  requestTimeoutMs,
  streamsPerSessionMax,
  urlBytesMax,
} from "./limits.ts";
import { UnsentBytes } from "./unsent-bytes.ts";

export interface HttpFrontOptions {
  /** PEM texts. `clientCa` verifies client certificates; connections without one are taken too. */
  readonly tls: { readonly key: string; readonly cert: string; readonly clientCa: string };
  readonly host: string;
  /** More addresses, on the same port. */
  readonly alsoOn?: readonly string[];
  /** 0 for any free port. */
  readonly port: number;
  readonly handler: ApiHandler;
  readonly upgrade: UpgradeHandler;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Disposing it tells clients to go (GOAWAY), ends watches, and waits a bounded time for the rest. */
export interface HttpFront extends AsyncDisposable {
  readonly port: number;
  /** Presents this certificate to connections made from now on. */
  useCertificate(pair: { readonly key: string; readonly cert: string }): void;
}

/**
 * Serves the handler over TLS, HTTP/2 and HTTP/1.1 on one port, chosen by ALPN.
 * @throws {Error} when the address cannot be had.
 */
export async function openHttpFront(options: HttpFrontOptions): Promise<HttpFront> {
  const front = new Front(options);
  await front.listen();
  return front;
}

class Front implements HttpFront, Serving {
  readonly deadlines: Deadlines;
  readonly unsent = new UnsentBytes();
  readonly requests = new Set<FrontRequest>();
  readonly #options: HttpFrontOptions;
  readonly #tasks: TaskGroup;
  readonly #server: tls.Server;
  /** Take connections for `#server` on more addresses. */
  readonly #others: Server[] = [];
  readonly #http1: http.Server;
  readonly #sessions = new Set<http2.ServerHttp2Session>();
  readonly #sockets = new Set<Socket>();
  readonly #callers = new WeakMap<object, Caller>();

  constructor(options: HttpFrontOptions) {
    this.#options = options;
    this.deadlines = new Deadlines(options.clock);
    this.#tasks = new TaskGroup((error) => {
      this.failed(error);
    });
    this.#http1 = this.#createHttp1();
    this.#server = tls.createServer(
      {
        key: options.tls.key,
        cert: options.tls.cert,
        ca: options.tls.clientCa,
        requestCert: true,
        // A bad certificate is answered with a Status and not with a broken handshake.
        rejectUnauthorized: false,
        ALPNProtocols: ["h2", "http/1.1"],
        handshakeTimeout: headersTimeoutMs,
        minVersion: "TLSv1.2",
      },
      (socket) => {
        this.#connected(socket);
      },
    );
    this.#server.on("connection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.setNoDelay(true);
      socket.on("close", () => this.#sockets.delete(socket));
    });
    this.#server.on("tlsClientError", (_error, socket) => {
      socket.destroy();
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  timeoutResponse(): ApiResponse {
    const message = "request did not complete within the allotted timeout";
    return statusResponse(new StatusError(504, "Timeout", message));
  }

  async listen(): Promise<void> {
    const { port, host, alsoOn = [], log } = this.#options;
    const servers: Server[] = [this.#server];
    try {
      await listening(this.#server, port, host);
      for (const address of alsoOn) {
        const other = createServer((socket) => this.#server.emit("connection", socket));
        await listening(other, this.port, address);
        this.#others.push(other);
        servers.push(other);
      }
    } catch (error) {
      for (const it of servers) it.close();
      throw error;
    }
    for (const it of servers) {
      it.on("error", (error: Error) => {
        log.error("TLS server failed", { error });
      });
    }
    this.#tasks.start((signal) => this.deadlines.run(signal));
  }

  async answer(request: FrontRequest): Promise<ApiResponse> {
    if (request.url.length > urlBytesMax) {
      return statusResponse(
        new StatusError(414, "", `the URL is longer than ${urlBytesMax} bytes`),
      );
    }
    const response = await this.#options.handler(request);
    return shouldCompress(request, response) ? await compress(response) : response;
  }

  failed(error: unknown): void {
    const known = error instanceof Error ? error : new Error(String(error));
    this.#options.log.error("response failed", { error: known });
  }

  useCertificate({ key, cert }: { readonly key: string; readonly cert: string }): void {
    this.#server.setSecureContext({ key, cert, ca: this.#options.tls.clientCa });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = Promise.all([this.#server, ...this.#others].map(closing));
    for (const session of this.#sessions) session.close();
    for (const request of this.requests) request.abort(new Error("server is shutting down"));
    this.#http1.closeIdleConnections();
    const stop = new AbortController();
    const late = this.#options.clock.sleep(drainMs, stop.signal).catch(() => undefined);
    await Promise.race([closed, late]);
    stop.abort(new Error("drained"));
    for (const session of this.#sessions) session.destroy();
    for (const socket of this.#sockets) socket.destroy();
    this.#http1.close();
    await closed;
    await this.#tasks[Symbol.asyncDispose]();
  }

  #connected(socket: TLSSocket): void {
    const caller = callerOf(socket);
    if (socket.alpnProtocol !== "h2") {
      this.#callers.set(socket, caller);
      this.#http1.emit("connection", socket);
      return;
    }
    const session = http2.performServerHandshake(socket, {
      maxSessionMemory: 64,
      settings: { maxConcurrentStreams: streamsPerSessionMax, initialWindowSize: 256 * 1024 },
    });
    session.setLocalWindowSize(4 * 1024 * 1024);
    this.#sessions.add(session);
    session.on("close", () => this.#sessions.delete(session));
    serveHttp2(session, caller, this);
  }

  #createHttp1(): http.Server {
    const server = http.createServer(
      {
        maxHeaderSize: headerBytesMax,
        headersTimeout: headersTimeoutMs,
        keepAliveTimeout: idleTimeoutMs,
        requestTimeout: requestTimeoutMs,
        connectionsCheckingInterval: 5_000,
      },
      (incoming, outgoing) => {
        serveHttp1(incoming, outgoing, this.#callerOf(incoming), this);
      },
    );
    server.on("upgrade", (incoming: IncomingMessage, socket: Duplex, head: Buffer) => {
      this.#tasks.start(() => this.#upgrade(incoming, socket, head));
    });
    server.on("clientError", (_error, socket) => {
      if (socket.writable) socket.end("HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n");
    });
    // A server that never listens checks no timeouts until it believes that it does.
    server.emit("listening");
    return server;
  }

  async #upgrade(incoming: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const request = requestOf(incoming, this.#callerOf(incoming), this, () => {
      socket.destroy();
    });
    this.requests.add(request);
    socket.on("error", () => {
      request.abort(new Error("connection failed"));
    });
    socket.on("close", () => {
      this.requests.delete(request);
      request.abort(new Error("client went away"));
    });
    try {
      await this.#options.upgrade(request, socket, head);
      request.longRunning();
    } catch (error) {
      if (!(error instanceof StatusError)) this.failed(error);
      refuseUpgrade(socket, statusResponse(error));
    }
  }

  #callerOf(incoming: IncomingMessage): Caller {
    return this.#callers.get(incoming.socket) ?? unknownCaller;
  }
}

function listening(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

/** Resolves when the server and its last connection have closed. */
function closing(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => {
      resolve();
    });
  });
}

/** Of a connection that never was greeted: nobody. */
const unknownCaller: Caller = {
  kind: "connection",
  certificate: undefined,
  certificateFault: undefined,
  address: "",
};
