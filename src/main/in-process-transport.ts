import type { UserInfo } from "#apiserver/contract.ts";
import type { ApiHandler, ApiRequest, ApiResponse, ByteSink } from "#apiserver/http/exchange.ts";
import type { HttpRequest, HttpResponse, Transport } from "#client/transport.ts";

/** Bytes of a streamed answer that may wait for their reader before the server is held back. */
const waitingBytesMax = 1_048_576;

/**
 * Carries requests to an API server in this process: the same handler, authorization and admission
 * as over TLS, without the connection. `user` is who the component is.
 */
export function inProcessTransport(handler: ApiHandler, user: UserInfo, agent: string): Transport {
  return {
    async send(request, signal) {
      signal.throwIfAborted();
      // Leaving the body early must end the request, as closing a connection would.
      const left = new AbortController();
      const both = AbortSignal.any([signal, left.signal]);
      const response = await handler(apiRequestOf(request, user, agent, both));
      return {
        status: response.status,
        headers: plainHeaders(response),
        body: bodyOf(response, both, () => {
          left.abort(new Error("the reader left"));
        }),
      } satisfies HttpResponse;
    },
  };
}

function apiRequestOf(
  request: HttpRequest,
  user: UserInfo,
  agent: string,
  signal: AbortSignal,
): ApiRequest {
  return {
    method: request.method,
    url: request.path,
    headers: { "user-agent": agent, ...request.headers },
    caller: { kind: "known", user },
    body: () => Promise.resolve(request.body ?? new Uint8Array()),
    signal,
    longRunning: () => undefined,
  };
}

function plainHeaders(response: ApiResponse): Record<string, string> {
  return Object.fromEntries(
    Object.entries(response.headers).map(([name, value]) => [
      name,
      typeof value === "string" ? value : value.join(", "),
    ]),
  );
}

async function* bodyOf(
  { body }: ApiResponse,
  signal: AbortSignal,
  leave: () => void,
): AsyncGenerator<Uint8Array, void> {
  if (body.kind === "bytes") {
    if (body.bytes.length > 0) yield body.bytes;
    return;
  }
  const pipe = new Pipe();
  const running = body.run(pipe, signal).then(
    () => {
      pipe.end(undefined);
    },
    (error: unknown) => {
      pipe.end({ error });
    },
  );
  function aborted(): void {
    pipe.end({ error: signal.reason });
  }
  signal.addEventListener("abort", aborted, { once: true });
  try {
    yield* pipe.read();
  } finally {
    signal.removeEventListener("abort", aborted);
    leave();
    await running;
  }
}

/** A queue of bytes between the server's writer and one reader. */
class Pipe implements ByteSink {
  #chunks: Uint8Array[] = [];
  #bytes = 0;
  #ended: { readonly failure: { readonly error: unknown } | undefined } | undefined;
  #wakeReader: (() => void) | undefined;
  #onDrained: (() => void) | undefined;

  write(bytes: Uint8Array): boolean {
    this.#chunks.push(bytes);
    this.#bytes += bytes.length;
    this.#wakeReader?.();
    return this.#bytes < waitingBytesMax;
  }

  onceDrained(listener: () => void): void {
    if (this.#bytes < waitingBytesMax) queueMicrotask(listener);
    else this.#onDrained = listener;
  }

  end(failure: { readonly error: unknown } | undefined): void {
    this.#ended ??= { failure };
    this.#wakeReader?.();
  }

  async *read(): AsyncGenerator<Uint8Array, void> {
    for (;;) {
      const chunks = this.#chunks;
      this.#chunks = [];
      this.#bytes = 0;
      const drained = this.#onDrained;
      this.#onDrained = undefined;
      drained?.();
      yield* chunks;
      if (this.#chunks.length > 0) continue;
      if (this.#ended !== undefined) {
        if (this.#ended.failure !== undefined) throw this.#ended.failure.error;
        return;
      }
      await new Promise<void>((resolve) => {
        this.#wakeReader = resolve;
      });
      this.#wakeReader = undefined;
    }
  }
}
