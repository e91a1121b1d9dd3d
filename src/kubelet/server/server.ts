import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { TLSSocket } from "node:tls";
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import { TaskGroup } from "#base/task-group.ts";
import type { Runtime } from "#cri/runtime.ts";
import type { ExposedMetrics } from "#kubelet/metrics/exposed-metrics.ts";
import type { LocalDirectories } from "#kubelet/volumes/local-directories.ts";
import type { KubeletAccess } from "./access.ts";
import { serveCommand } from "./commands.ts";
import { serveLogs } from "./container-logs.ts";
import { ServerFault } from "./fault.ts";
import { connectInside, serveInside } from "./inside.ts";
import { serveSignal } from "./signal.ts";
import { serveLocalVolumes } from "./local-volumes.ts";
import { servePlain } from "./plain.ts";
import type { ServedPods } from "./pods.ts";
import { servePortForward } from "./port-forward.ts";
import { parseRoute, type RoutedRequest } from "./routes.ts";
import { refuseUpgrade } from "./upgrade.ts";
import type { UsageSource } from "./usage.ts";

/** Connections on which nothing happens for so long are dropped (kubelet's default). */
const streamIdleMs = 4 * 3_600_000;
const headersTimeoutMs = 30_000;
const keepAliveMs = 150_000;

export interface KubeletServerOptions {
  readonly host: string;
  /** 0 for any free port. */
  readonly port: number;
  /** PEM texts. `clientCa` signs the certificates of callers. */
  readonly tls: { readonly key: string; readonly cert: string; readonly clientCa: string };
  readonly access: KubeletAccess;
  readonly nodeName: string;
  readonly runtime: Runtime;
  readonly pods: ServedPods;
  readonly usage: UsageSource;
  readonly metrics: ExposedMetrics;
  /** Undefined: the node keeps no volumes. */
  readonly localVolumes?: LocalDirectories | undefined;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Disposing it ends every connection: logs that are followed, commands, forwarded ports. */
export interface KubeletServer extends AsyncDisposable {
  readonly port: number;
  /** Presents this certificate to connections made from now on. */
  renew(serving: { readonly key: string; readonly certificate: string }): void;
}

/**
 * Serves what the API server asks of a node: logs, exec, attach, port-forward, figures.
 * @throws {Error} when the address cannot be had.
 */
export async function openKubeletServer(options: KubeletServerOptions): Promise<KubeletServer> {
  const server = new NodeServer(options);
  await server.listen();
  return server;
}

class NodeServer implements KubeletServer {
  readonly #options: KubeletServerOptions;
  readonly #server: Server;
  readonly #tasks: TaskGroup;
  readonly #sockets = new Set<Socket>();

  constructor(options: KubeletServerOptions) {
    this.#options = options;
    this.#tasks = new TaskGroup((error) => {
      options.log.error("kubelet request failed", { error: asError(error) });
    });
    const { key, cert, clientCa: ca } = options.tls;
    this.#server = createServer(
      {
        key,
        cert,
        ca,
        requestCert: true,
        // A caller without a good certificate is told so, with a 401.
        rejectUnauthorized: false,
        minVersion: "TLSv1.2",
        headersTimeout: headersTimeoutMs,
        keepAliveTimeout: keepAliveMs,
      },
      (request, response) => {
        this.#tasks.start((signal) => this.#serve(request, response, signal));
      },
    );
    this.#server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      this.#tasks.start((signal) => this.#upgrade(request, socket, head, signal));
    });
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

  renew({ key, certificate: cert }: { readonly key: string; readonly certificate: string }): void {
    const { clientCa: ca } = this.#options.tls;
    this.#server.setSecureContext({ key, cert, ca, minVersion: "TLSv1.2" });
  }

  async listen(): Promise<void> {
    const { host, port, log } = this.#options;
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(port, host, () => {
        this.#server.off("error", reject);
        resolve();
      });
    });
    this.#server.on("error", (error) => {
      log.error("kubelet server failed", { error });
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => {
        resolve();
      });
    });
    for (const socket of this.#sockets) socket.destroy();
    await this.#tasks[Symbol.asyncDispose]();
    await closed;
  }

  async #serve(
    request: IncomingMessage,
    response: ServerResponse,
    stop: AbortSignal,
  ): Promise<void> {
    const left = new AbortController();
    response.on("close", () => {
      left.abort(new Error("the client left"));
    });
    const signal = AbortSignal.any([stop, left.signal]);
    try {
      const asked = await this.#admit(request, false, signal);
      const { route } = asked;
      switch (route.kind) {
        case "logs":
          if (request.method !== "GET") throw new ServerFault(405, "405: Method Not Allowed");
          await serveLogs(this.#options, { route, query: asked.query }, response, signal);
          return;
        case "exec":
        case "attach":
        case "port-forward":
          throw new ServerFault(400, "Upgrade request required");
        case "signal":
          if (request.method !== "POST") throw new ServerFault(405, "405: Method Not Allowed");
          await serveSignal(this.#options, { route, query: asked.query }, response, signal);
          return;
        case "local-volumes": {
          const { localVolumes } = this.#options;
          const volumes = { volume: route.volume, query: asked.query };
          await serveLocalVolumes(localVolumes, volumes, { request, response }, signal);
          return;
        }
        case "plain":
          await servePlain(this.#options, route.what, response);
          return;
        case "inside": {
          const inside = { route, query: asked.query };
          await serveInside(this.#options, inside, { request, response }, signal);
        }
      }
    } catch (error) {
      if (signal.aborted) return;
      this.#answerFault(error, response);
    }
  }

  #answerFault(error: unknown, response: ServerResponse): void {
    if (response.headersSent) {
      // The body broke off; the client sees that when the connection does.
      response.destroy();
      throw error;
    }
    const fault = faultOf(error);
    response.writeHead(fault.status, { "content-type": "text/plain; charset=utf-8" });
    response.end(fault.message);
    if (!(error instanceof ServerFault)) throw error;
  }

  async #upgrade(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    stop: AbortSignal,
  ): Promise<void> {
    const left = new AbortController();
    socket.on("error", () => undefined); // Followed by `close`.
    socket.on("close", () => {
      left.abort(new Error("the client left"));
    });
    request.socket.setTimeout(streamIdleMs, () => {
      socket.destroy();
    });
    const signal = AbortSignal.any([stop, left.signal]);
    try {
      const asked = await this.#admit(request, true, signal);
      await this.#connect(asked, { request, socket, head }, signal);
    } catch (error) {
      if (signal.aborted) return;
      const fault = faultOf(error);
      refuseUpgrade(socket, fault.status, fault.message);
      if (!(error instanceof ServerFault)) throw error;
    }
  }

  /** @throws {ServerFault} for callers that may not, and for paths that are not served. */
  async #admit(
    request: IncomingMessage,
    isConnection: boolean,
    signal: AbortSignal,
  ): Promise<RoutedRequest> {
    const { socket, headers, method, url } = request;
    if (!(socket instanceof TLSSocket)) throw new ServerFault(401, "Unauthorized");
    const asking = { socket, headers, method, url, isConnection };
    const refusal = await this.#options.access.refusal(asking, signal);
    if (refusal !== undefined) throw new ServerFault(refusal.status, refusal.text);
    const asked = parseRoute(request.url ?? "/");
    if (asked === undefined) throw new ServerFault(404, "404 page not found");
    return asked;
  }

  async #connect(
    asked: RoutedRequest,
    upgrade: { readonly request: IncomingMessage; readonly socket: Duplex; readonly head: Buffer },
    signal: AbortSignal,
  ): Promise<void> {
    const { route, query } = asked;
    switch (route.kind) {
      case "exec":
      case "attach":
        await serveCommand(this.#options, { route, query }, upgrade, signal);
        return;
      case "port-forward":
        await servePortForward(this.#options, { route, query }, upgrade, signal);
        return;
      case "logs":
      case "signal":
      case "local-volumes":
      case "plain":
        throw new ServerFault(400, "this path cannot be upgraded");
      case "inside":
        await connectInside(this.#options, { route, query }, upgrade, signal);
    }
  }
}

function faultOf(error: unknown): ServerFault {
  if (error instanceof ServerFault) return error;
  return new ServerFault(500, `Internal error: ${asError(error).message}`);
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
