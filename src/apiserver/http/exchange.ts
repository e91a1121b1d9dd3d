import type { Buffer } from "node:buffer";
import type { Duplex } from "node:stream";
import type { JsonObject } from "#api/object.ts";
import type { UserInfo } from "#apiserver/contract.ts";

/** One request as the API server takes it, whether it came over TLS or from within the process. */
export interface ApiRequest {
  readonly method: string;
  /** Path and query as sent, percent-encoded. */
  readonly url: string;
  /** Lower-case names; repeated headers are joined as Node joins them. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly caller: Caller;
  /**
   * The whole body, empty when there is none. Call it at most once.
   * @throws {StatusError} 413 when it is larger than `bodyBytesMax`.
   */
  body(): Promise<Uint8Array>;
  /** Aborts when the caller goes away, the server stops, or the request takes too long. */
  readonly signal: AbortSignal;
  /** Watches and proxied streams call this: the limit on the request's time is lifted. */
  longRunning(): void;
}

/** Who asks: a connection that authentication must judge, or a component we started ourselves. */
export type Caller =
  | {
      readonly kind: "connection";
      /** Subject of a client certificate that the TLS layer has verified. */
      readonly certificate:
        { readonly commonName: string; readonly organizations: readonly string[] } | undefined;
      /** Why a certificate that was presented does not count; undefined without one. */
      readonly certificateFault: string | undefined;
      readonly address: string;
    }
  | { readonly kind: "known"; readonly user: UserInfo };

export interface ApiResponse {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly body: ResponseBody;
}

export type ResponseBody =
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  /**
   * Written piece by piece; the response ends when `run` resolves. `live` bodies (watches) are
   * never compressed nor held back.
   */
  | {
      readonly kind: "stream";
      readonly live: boolean;
      /** About how long it gets, where that is known; decides on compression. */
      readonly sizeBytes?: number | undefined;
      run(sink: ByteSink, signal: AbortSignal): Promise<void>;
    };

/** Where a streamed body goes. */
export interface ByteSink {
  /** Queues the bytes. False when so much waits that the writer should hold back. */
  write(bytes: Uint8Array): boolean;
  /**
   * Present where the reader is in this process and takes the events of a watch as objects, which
   * it may share with others: queues them as {@link write} does, `size` being about their bytes.
   */
  writeEvents?(events: readonly ObjectEvent[], size: number): boolean;
  /** Calls back once when the queue is empty enough again; never after the sink is closed. */
  onceDrained(listener: () => void): void;
}

/** An event of a watch, decoded. */
export interface ObjectEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly object: JsonObject;
}

/**
 * Takes a connection over, after `Upgrade:`. Resolves when the socket is somebody else's or gone.
 * @throws {StatusError} before anything was written to the socket.
 */
export type UpgradeHandler = (request: ApiRequest, socket: Duplex, head: Buffer) => Promise<void>;

export type ApiHandler = (request: ApiRequest) => Promise<ApiResponse>;

/** Resolves when the sink takes more. Rejects with the signal's reason. */
export function drained(sink: ByteSink, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    function aborted(): void {
      reject(signal.reason instanceof Error ? signal.reason : new Error("aborted"));
    }
    if (signal.aborted) {
      aborted();
      return;
    }
    signal.addEventListener("abort", aborted, { once: true });
    sink.onceDrained(() => {
      signal.removeEventListener("abort", aborted);
      resolve();
    });
  });
}

/** Lets the event loop serve others before a long response goes on. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** The first value of a header; undefined when it is absent. */
export function headerOf(
  { headers }: Pick<ApiRequest, "headers">,
  name: string,
): string | undefined {
  const value = headers[name];
  return typeof value === "string" || value === undefined ? value : value[0];
}
