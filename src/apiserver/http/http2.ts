import http2, {
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { Deadlines } from "./deadlines.ts";
import type { ApiResponse, Caller } from "./exchange.ts";
import { clientGone, FrontRequest } from "./front-request.ts";
import { idleTimeoutMs } from "./limits.ts";
import { readBody } from "./read-body.ts";
import { requestHeaders } from "./request-headers.ts";
import type { UnsentBytes } from "./unsent-bytes.ts";

const { HTTP2_HEADER_METHOD, HTTP2_HEADER_PATH, NGHTTP2_NO_ERROR } = http2.constants;

/** What both protocols need of the front. */
export interface Serving {
  readonly deadlines: Deadlines;
  readonly unsent: UnsentBytes;
  /** Answers the request; never rejects. */
  answer(request: FrontRequest): Promise<ApiResponse>;
  /** Runs a body to its end; failures are logged, and end the stream abnormally. */
  failed(error: unknown): void;
  /** 504 for a request that took too long. */
  timeoutResponse(): ApiResponse;
  /** Requests under way, so that shutdown can end them. */
  readonly requests: Set<FrontRequest>;
}

/** Serves the streams of one HTTP/2 connection. */
export function serveHttp2(session: ServerHttp2Session, caller: Caller, serving: Serving): void {
  session.setTimeout(idleTimeoutMs, () => {
    session.close();
  });
  session.on("error", () => {
    session.destroy();
  });
  session.on("stream", (stream, headers, _flags, raw) => {
    serveStream(stream, { headers, raw }, caller, serving);
  });
}

function serveStream(
  stream: ServerHttp2Stream,
  { headers, raw }: { readonly headers: IncomingHttpHeaders; readonly raw: readonly string[] },
  caller: Caller,
  serving: Serving,
): void {
  const request = new FrontRequest({
    method: textOf(headers[HTTP2_HEADER_METHOD]) ?? "GET",
    url: textOf(headers[HTTP2_HEADER_PATH]) ?? "/",
    headers: requestHeaders(headers, raw),
    caller,
    body: () => readBody(stream, headers["content-length"]),
    deadlines: serving.deadlines,
    onTimeout: () => {
      if (stream.headersSent) stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR);
      else respond(stream, request, serving.timeoutResponse(), serving);
    },
  });
  serving.requests.add(request);
  stream.on("error", () => {
    request.abort(clientGone);
  });
  stream.on("close", () => {
    serving.requests.delete(request);
    request.abort(clientGone);
  });
  serving.answer(request).then(
    (response) => {
      respond(stream, request, response, serving);
    },
    (error: unknown) => {
      serving.failed(error);
    },
  );
}

function respond(
  stream: ServerHttp2Stream,
  request: FrontRequest,
  response: ApiResponse,
  serving: Serving,
): void {
  if (stream.destroyed || stream.closed || stream.headersSent) return;
  const { body } = response;
  if (body.kind === "bytes") {
    request.finish();
    stream.respond({ ":status": response.status, ...response.headers });
    if (request.method === "HEAD") stream.end();
    else stream.end(body.bytes);
    closeUnread(stream);
    return;
  }
  stream.respond({ ":status": response.status, ...response.headers });
  body.run(serving.unsent.sinkOf(stream), request.signal).then(
    () => {
      request.finish();
      stream.end();
      closeUnread(stream);
    },
    (error: unknown) => {
      if (!request.signal.aborted) serving.failed(error);
      if (!stream.destroyed) stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR);
    },
  );
}

/** A request body that nobody reads must not hold the stream open. */
function closeUnread(stream: ServerHttp2Stream): void {
  if (stream.readableEnded || stream.endAfterHeaders) return;
  stream.once("finish", () => {
    if (!stream.readableEnded) stream.close(NGHTTP2_NO_ERROR);
  });
}

function textOf(value: string | string[] | undefined): string | undefined {
  return typeof value === "string" ? value : value?.[0];
}
