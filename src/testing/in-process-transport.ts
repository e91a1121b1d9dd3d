import type { ApiHandler, ApiRequest, ApiResponse, ByteSink } from "#apiserver/http/exchange.ts";
import type { UserInfo } from "#apiserver/contract.ts";
import type { HttpRequest, HttpResponse, Transport } from "#client/transport.ts";

/** Bytes that may wait for a slow reader before the writer is told to hold back. */
const waitingBytesMax = 256 * 1024;

/** Carries requests to an API server in the same process, in the name of `user`. */
export class InProcessTransport implements Transport {
  readonly #handler: ApiHandler;
  readonly #user: UserInfo;

  constructor(handler: ApiHandler, user: UserInfo) {
    this.#handler = handler;
    this.#user = user;
  }

  async send(request: HttpRequest, signal: AbortSignal): Promise<HttpResponse> {
    signal.throwIfAborted();
    const left = new AbortController();
    const both = AbortSignal.any([signal, left.signal]);
    const { body = new Uint8Array() } = request;
    const apiRequest: ApiRequest = {
      method: request.method,
      url: request.path,
      headers: request.headers,
      caller: { kind: "known", user: this.#user },
      body: () => Promise.resolve(body),
      signal: both,
      longRunning: () => undefined,
    };
    const response = await this.#handler(apiRequest);
    signal.throwIfAborted();
    const headers: Record<string, string> = {};
    for (const [name, value] of Object.entries(response.headers)) headers[name] = String(value);
    return { status: response.status, headers, body: bodyOf(response, left, both) };
  }
}

async function* bodyOf(
  { body }: ApiResponse,
  left: AbortController,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  if (body.kind === "bytes") {
    yield body.bytes;
    return;
  }
  const pipe = new Pipe();
  const writing = body.run(pipe, signal).then(
    () => {
      pipe.end(undefined);
    },
    (error: unknown) => {
      pipe.end(error instanceof Error ? error : new Error(String(error)));
    },
  );
  const aborted = (): void => {
    pipe.end(signal.reason instanceof Error ? signal.reason : new Error(String(signal.reason)));
  };
  signal.addEventListener("abort", aborted, { once: true });
  try {
    yield* pipe.read();
  } finally {
    signal.removeEventListener("abort", aborted);
    left.abort(new Error("the reader has left"));
    await writing;
  }
}

class Pipe implements ByteSink {
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #onDrained: (() => void) | undefined;
  #wake: (() => void) | undefined;
  #ended: { readonly error: Error | undefined } | undefined;

  write(bytes: Uint8Array): boolean {
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    this.#wake?.();
    return this.#waitingBytes < waitingBytesMax;
  }

  onceDrained(listener: () => void): void {
    this.#onDrained = listener;
  }

  end(error: Error | undefined): void {
    this.#ended ??= { error };
    this.#wake?.();
  }

  async *read(): AsyncGenerator<Uint8Array> {
    for (;;) {
      const chunks = this.#waiting;
      this.#waiting = [];
      this.#waitingBytes = 0;
      const drained = this.#onDrained;
      this.#onDrained = undefined;
      drained?.();
      yield* chunks;
      if (this.#waiting.length > 0) continue;
      if (this.#ended?.error !== undefined) throw this.#ended.error;
      if (this.#ended !== undefined) return;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
  }
}
