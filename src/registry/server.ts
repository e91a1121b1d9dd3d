import {
  createServer as createHttpServer,
  type RequestListener,
  type Server,
  type ServerOptions,
} from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { Server as TlsServer } from "node:tls";
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import { TaskGroup } from "#base/task-group.ts";
import type { ImageStore } from "#images/store/image-store.ts";
import type { Gate } from "./access.ts";
import type { Mirror } from "./mirror/mirror.ts";
import { serveRequest } from "./serve.ts";
import { UploadSessions } from "./upload-sessions.ts";

/** A connection on which nothing happens for so long is closed. */
const idleMs = 5 * 60_000;
const headersMs = 60_000;
const connectionsMax = 4_096;
const minVersion = "TLSv1.2";

export interface RegistryOptions {
  readonly store: ImageStore;
  readonly listeners: readonly Listener[];
  readonly mirror: Mirror | undefined;
  readonly isOwnName: (host: string) => boolean;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface Listener {
  readonly host: string;
  /** 0 for any. */
  readonly port: number;
  readonly gate: Gate;
  /** PEM; undefined for plain HTTP. */
  readonly tls: ListenerTls | undefined;
}

export interface ListenerTls {
  readonly certificate: string;
  readonly key: string;
  /** Whose client certificates are believed; undefined: clients show none. */
  readonly clientCa: string | undefined;
}

/** A registry that serves; it ends when it is disposed of. */
export interface RegistryServer extends AsyncDisposable {
  /** Of the listeners, in their order. */
  readonly ports: readonly number[];
  /** Takes a new certificate into use, for connections from now on. */
  renew(pair: { readonly certificate: string; readonly key: string }): void;
}

/** An OCI registry (distribution-spec 1.1) over a store. @throws {Error} when it cannot listen. */
export async function openRegistryServer(options: RegistryOptions): Promise<RegistryServer> {
  const { store, mirror, isOwnName, clock, log } = options;
  await using stack = new AsyncDisposableStack();
  const sessions = stack.use(new UploadSessions(clock));
  const tasks = stack.use(
    new TaskGroup((error) => {
      log.error("registry: uploads are not swept", { error: error as Error });
    }),
  );
  tasks.start(async (signal) => {
    await sessions.run(signal);
  });
  const ports: number[] = [];
  const secure: { readonly server: TlsServer; readonly clientCa: string | undefined }[] = [];
  for (const listener of options.listeners) {
    const context = { store, sessions, gate: listener.gate, mirror, isOwnName, log };
    const server = serverOf(listener.tls, (request, response) => {
      serveRequest(context, request, response).catch((error: unknown) => {
        log.error("registry request failed", { error: error as Error });
        response.destroy();
      });
    });
    if (server instanceof TlsServer) secure.push({ server, clientCa: listener.tls?.clientCa });
    ports.push(await listen(server, listener));
    stack.defer(async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    });
  }
  const opened = stack.move();
  const renew: RegistryServer["renew"] = ({ certificate: cert, key }) => {
    for (const { server, clientCa } of secure) {
      const ca = clientCa === undefined ? {} : { ca: clientCa };
      server.setSecureContext({ cert, key, minVersion, ...ca });
    }
  };
  return { ports, renew, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

function serverOf(tls: ListenerTls | undefined, listener: RequestListener): Server {
  // Layers take as long as they take: only silence ends a request.
  const options: ServerOptions = { requestTimeout: 0, headersTimeout: headersMs };
  const server =
    tls === undefined
      ? createHttpServer(options, listener)
      : createHttpsServer(
          {
            ...options,
            cert: tls.certificate,
            key: tls.key,
            minVersion,
            ...(tls.clientCa === undefined
              ? {}
              : { ca: tls.clientCa, requestCert: true, rejectUnauthorized: false }),
          },
          listener,
        );
  server.setTimeout(idleMs);
  server.maxConnections = connectionsMax;
  return server;
}

async function listen(server: Server, { host, port }: Listener): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause: NodeJS.ErrnoException) => {
      const why =
        cause.code === "EADDRINUSE" ? "another program has it: choose another port" : cause.message;
      reject(new Error(`the registry cannot listen on ${host}:${port}: ${why}`, { cause }));
    });
    server.listen(port, host, resolve);
  });
  return (server.address() as AddressInfo).port;
}
