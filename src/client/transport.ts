import type { WatchEvent } from "./watch-event.ts";

/** One request to an API server, as a value. Paths carry their query: `/api/v1/pods?limit=500`. */
export interface HttpRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE" | "HEAD" | "OPTIONS";
  readonly path: string;
  /** Lower-case names. The transport adds authentication and user agent. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | undefined;
}

export interface HttpResponse {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  /**
   * Must be consumed or returned (`for await` does); leaving it early closes the stream.
   * @throws {TransportError} when it breaks off. Rejects with the signal's reason on abort.
   */
  readonly body: AsyncIterable<Uint8Array>;
  /**
   * The events of a watch, where the transport has them as objects already; they may be shared.
   * Whoever reads them does not read the body.
   * @throws {StatusError} for an ERROR event
   */
  readonly events?: AsyncIterable<readonly WatchEvent<unknown>[]> | undefined;
}

/**
 * Carries requests to an API server: over TLS (`tls-transport.ts`), or within the process where a
 * component runs beside the server. Both are the same API with the same authorization.
 */
export interface Transport {
  /**
   * Resolves with the response's head; its status is not interpreted.
   * @throws {TransportError} when no response arrived. Rejects with the signal's reason on abort.
   */
  send(request: HttpRequest, signal: AbortSignal): Promise<HttpResponse>;
}

/** The server could not be reached, or the connection broke before the response was complete. */
export class TransportError extends Error {
  override readonly name = "TransportError";
}
