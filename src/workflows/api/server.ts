import { once } from "node:events";
import {
  createServer as createHttp,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import { createServer as createHttps } from "node:https";
import type { AddressInfo } from "node:net";
import type { Logger } from "#base/log.ts";
import type { Answer, AnswerBody } from "./exchange.ts";
import type { ApiHandler, RawRequest } from "./handler.ts";
import { ApiProblem } from "./problem.ts";

/** Most bytes of a body: an output of a task may have 1 MiB, and JSON is longer than what it says. */
const bodySizeMax = 8 * 1024 * 1024;
/** Longest time from a request's first byte to its last. */
const requestTimeoutMs = 60_000;
const connectionsMax = 1_000;

export interface ApiServerOptions {
  readonly host: string;
  /** 0: one that is free. */
  readonly port: number;
  /** In PEM; undefined: without TLS. */
  readonly tls: { readonly certificate: string; readonly key: string } | undefined;
}

/** The API's listener. Dispose it to close it and all connections. */
export interface ApiServer extends AsyncDisposable {
  readonly port: number;
}

/**
 * Listens for requests.
 * @throws {Error} when the port is taken; its `code` is then EADDRINUSE.
 */
export async function openApiServer(
  options: ApiServerOptions,
  handler: ApiHandler,
  log: Logger,
): Promise<ApiServer> {
  const stop = new AbortController();
  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    serve({ request, response, stop: stop.signal }, handler).catch((error: unknown) => {
      log.error("a request was cut off", { error: error as Error });
      response.destroy();
    });
  };
  const limits = { requestTimeout: requestTimeoutMs, headersTimeout: 20_000 };
  const server: Server =
    options.tls === undefined
      ? createHttp(limits, listener)
      : createHttps({ ...limits, cert: options.tls.certificate, key: options.tls.key }, listener);
  server.maxConnections = connectionsMax;
  server.listen(options.port, options.host);
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      stop.abort(new Error("the server ends"));
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

interface Served {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly stop: AbortSignal;
}

async function serve(served: Served, handler: ApiHandler): Promise<void> {
  const { request, response, stop } = served;
  const url = URL.parse(request.url ?? "/", "http://gantry");
  const path = url?.pathname ?? "/";
  const gone = new AbortController();
  response.once("close", () => {
    gone.abort(new Error("the client went away"));
  });
  const signal = AbortSignal.any([gone.signal, stop]);
  const answer = await handler.answer(
    rawRequest(request, { path, query: url?.searchParams ?? new URLSearchParams(), signal }),
  );
  await send(response, answer, signal);
}

function rawRequest(
  request: IncomingMessage,
  at: Pick<RawRequest, "path" | "query" | "signal">,
): RawRequest {
  const { headers, socket } = request;
  const from = socket.remoteAddress ?? "";
  let body: Promise<Buffer> | undefined;
  const [type = ""] = (headers["content-type"] ?? "").split(";");
  return {
    ...at,
    method: request.method ?? "GET",
    token: /^bearer +(\S+)$/i.exec(headers.authorization ?? "")?.[1],
    accept: headers.accept ?? "",
    contentType: type.trim().toLowerCase(),
    from,
    isLocal: /^(::ffff:)?127\.|^::1$/.test(from),
    body: () => (body ??= readBody(request)),
  };
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > bodySizeMax) {
      throw new ApiProblem(413, `The body has more than ${bodySizeMax} bytes`, {
        connection: "close",
      });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** What every answer says of itself: nothing is kept, nothing is guessed. */
const commonHeaders = { "cache-control": "no-store", "x-content-type-options": "nosniff" };

async function send(response: ServerResponse, answer: Answer, signal: AbortSignal): Promise<void> {
  const { status, body } = answer;
  const headers = { ...commonHeaders, ...answer.headers };
  if (body.kind === "stream") {
    const content = body.type === undefined ? {} : { "content-type": body.type };
    response.writeHead(status, { ...headers, ...content });
    await sendChunks(response, body.chunks, signal);
    return;
  }
  const { type, bytes } = bytesOf(body);
  const content = type === undefined ? {} : { "content-type": type };
  const length = status === 204 ? {} : { "content-length": bytes.length };
  response.writeHead(status, { ...headers, ...content, ...length });
  response.end(bytes);
}

function bytesOf(body: Exclude<AnswerBody, { readonly kind: "stream" }>): {
  readonly type: string | undefined;
  readonly bytes: Buffer;
} {
  switch (body.kind) {
    case "none":
      return { type: undefined, bytes: Buffer.alloc(0) };
    case "text":
      return { type: body.type, bytes: Buffer.from(body.text) };
    case "json":
      return { type: "application/json", bytes: Buffer.from(JSON.stringify(body.value)) };
  }
}

async function sendChunks(
  response: ServerResponse,
  chunks: AsyncIterable<string>,
  signal: AbortSignal,
): Promise<void> {
  try {
    for await (const chunk of chunks) {
      if (signal.aborted) break;
      if (!response.write(chunk)) await once(response, "drain", { signal });
    }
    response.end();
  } catch (error) {
    response.destroy();
    if (!signal.aborted) throw error;
  }
}
