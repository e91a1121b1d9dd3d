import { STATUS_CODES, type IncomingMessage, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { ApiResponse, Caller } from "./exchange.ts";
import { clientGone, FrontRequest } from "./front-request.ts";
import type { Serving } from "./http2.ts";
import { readBody } from "./read-body.ts";
import { requestHeaders } from "./request-headers.ts";

/** Serves one HTTP/1.1 request. */
export function serveHttp1(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  caller: Caller,
  serving: Serving,
): void {
  const request = requestOf(incoming, caller, serving, () => {
    if (outgoing.headersSent) outgoing.destroy();
    else respond(outgoing, request, serving.timeoutResponse(), serving);
  });
  serving.requests.add(request);
  outgoing.on("close", () => {
    serving.requests.delete(request);
    request.abort(clientGone);
  });
  serving.answer(request).then(
    (response) => {
      respond(outgoing, request, response, serving);
    },
    (error: unknown) => {
      serving.failed(error);
    },
  );
}

/** The request as the handlers see it; also for upgrades, which have no response object. */
export function requestOf(
  incoming: IncomingMessage,
  caller: Caller,
  serving: Serving,
  onTimeout: () => void,
): FrontRequest {
  return new FrontRequest({
    method: incoming.method ?? "GET",
    url: incoming.url ?? "/",
    headers: requestHeaders(incoming.headers, incoming.rawHeaders),
    caller,
    body: () => readBody(incoming, incoming.headers["content-length"]),
    deadlines: serving.deadlines,
    onTimeout,
  });
}

function respond(
  outgoing: ServerResponse,
  request: FrontRequest,
  response: ApiResponse,
  serving: Serving,
): void {
  if (outgoing.destroyed || outgoing.headersSent) return;
  const { body } = response;
  // The rest of an oversize body would be read as the next request.
  const close = response.status === 413 ? { connection: "close" } : {};
  if (body.kind === "bytes") {
    request.finish();
    const length = { "content-length": String(body.bytes.length) };
    outgoing.writeHead(response.status, { ...response.headers, ...length, ...close });
    if (request.method === "HEAD") outgoing.end();
    else outgoing.end(body.bytes);
    return;
  }
  outgoing.writeHead(response.status, response.headers);
  outgoing.flushHeaders();
  body.run(serving.unsent.sinkOf(outgoing), request.signal).then(
    () => {
      request.finish();
      outgoing.end();
    },
    (error: unknown) => {
      if (!request.signal.aborted) serving.failed(error);
      outgoing.destroy();
    },
  );
}

/** Writes a response onto a socket that asked for an upgrade and does not get it, and closes it. */
export function refuseUpgrade(socket: Duplex, response: ApiResponse): void {
  const bytes = response.body.kind === "bytes" ? response.body.bytes : new Uint8Array(0);
  const lines = Object.entries(response.headers).map(
    ([name, value]) => `${name}: ${String(value)}`,
  );
  const reason = STATUS_CODES[response.status] ?? "";
  const head = [
    `HTTP/1.1 ${response.status} ${reason}`,
    ...lines,
    `content-length: ${bytes.length}`,
    "connection: close",
  ];
  socket.write(`${head.join("\r\n")}\r\n\r\n`);
  socket.end(bytes);
}
