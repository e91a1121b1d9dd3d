import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";
import type { Refusal } from "./refusal.ts";

/** A request, and how it is answered. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly method: string;
  readonly query: URLSearchParams;
  /** Aborts when the client goes away. */
  readonly signal: AbortSignal;
}

/** What a client sends after it was refused is read up to here, so that it sees why. */
const drainedBytesMax = 64 * 1_048_576;

export function answer(
  { response, method }: Exchange,
  status: number,
  headers: OutgoingHttpHeaders,
  body?: string | Uint8Array,
): void {
  const length = body === undefined ? {} : { "content-length": Buffer.byteLength(body) };
  // A 204 has no length; all else without a body says so.
  const none = body === undefined && status !== 204 && !("content-length" in headers);
  response.writeHead(status, { ...headers, ...length, ...(none ? { "content-length": 0 } : {}) });
  response.end(method === "HEAD" ? undefined : body);
}

export function answerJson(
  exchange: Exchange,
  value: object,
  headers: OutgoingHttpHeaders = {},
): void {
  answer(
    exchange,
    200,
    { "content-type": "application/json", ...headers },
    `${JSON.stringify(value)}\n`,
  );
}

/** Answers with an error; what is left of the request is read and thrown away, within a bound. */
export function refuse(exchange: Exchange, refusal: Refusal): void {
  const { request, response } = exchange;
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const isUnread = !request.complete;
  const headers = { "content-type": "application/json", ...refusal.headers };
  answer(
    exchange,
    refusal.status,
    isUnread ? { ...headers, connection: "close" } : headers,
    refusal.body,
  );
  if (!isUnread) return;
  let bytes = 0;
  request.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > drainedBytesMax) request.destroy();
  });
  request.resume();
}
