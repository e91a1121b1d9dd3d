import type { UserInfo } from "#apiserver/contract.ts";
import type {
  ApiHandler,
  ApiRequest,
  ApiResponse,
  ByteSink,
  ObjectEvent,
} from "#apiserver/http/exchange.ts";
import type { HttpRequest, HttpResponse, Transport } from "#client/transport.ts";
import { decodeEvents, type WatchEvent } from "#client/watch-event.ts";

/** Bytes of a streamed answer that may wait for their reader before the server is held back. */
const waitingBytesMax = 1_048_576;

/**
 * Carries requests to an API server in this process: the same handler, authorization and admission
 * as over TLS, without the connection; the events of watches stay objects. `user` is who the
 * component is.
 */
export function inProcessTransport(handler: ApiHandler, user: UserInfo, agent: string): Transport {
  return {
    async send(request, signal) {
      signal.throwIfAborted();
      // Leaving the body early must end the request, as closing a connection would.
      const left = new AbortController();
      const both = AbortSignal.any([signal, left.signal]);
      const response = await handler(apiRequestOf(request, user, agent, both));
      const leave = (): void => {
        left.abort(new Error("the reader left"));
      };
      const isWatch = response.body.kind === "stream" && response.body.live;
      return {
        status: response.status,
        headers: plainHeaders(response),
        body: bodyOf(response, both, leave),
        events: isWatch ? eventsOf(response, both, leave) : undefined,
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
  const pipe = new Pipe<Uint8Array>();
  yield* read(body, pipe, { sink: byteSink(pipe), signal, leave });
}

/** The events of a watch. What is written as bytes (what is there first, bookmarks) is decoded. */
async function* eventsOf(
  { body }: ApiResponse,
  signal: AbortSignal,
  leave: () => void,
): AsyncGenerator<readonly WatchEvent<unknown>[], void> {
  if (body.kind === "bytes") return;
  const pipe = new Pipe<Uint8Array | readonly ObjectEvent[]>();
  const sink: ByteSink = {
    ...byteSink(pipe),
    writeEvents: (events, size) => pipe.write(events, size),
  };
  for await (const chunk of read(body, pipe, { sink, signal, leave })) {
    yield chunk instanceof Uint8Array ? decodeEvents(chunk) : chunk;
  }
}

function byteSink(pipe: Pick<Pipe<Uint8Array>, "write" | "onceDrained">): ByteSink {
  return {
    write: (bytes) => pipe.write(bytes, bytes.length),
    onceDrained: (listener) => {
      pipe.onceDrained(listener);
    },
  };
}

/** Runs the body into the sink as long as somebody reads the pipe behind it. */
async function* read<T>(
  body: ApiResponse["body"] & { readonly kind: "stream" },
  pipe: Pipe<T>,
  it: { readonly sink: ByteSink; readonly signal: AbortSignal; readonly leave: () => void },
): AsyncGenerator<T, void> {
  const { signal } = it;
  const running = body.run(it.sink, signal).then(
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
    it.leave();
    await running;
  }
}

/** A queue between the server's writer and one reader. */
class Pipe<T> {
  #chunks: T[] = [];
  #bytes = 0;
  #ended: { readonly failure: { readonly error: unknown } | undefined } | undefined;
  #wakeReader: (() => void) | undefined;
  #onDrained: (() => void) | undefined;

  /** @param size of the chunk in bytes. Returns false when so much waits that the writer should hold back. */
  write(chunk: T, size: number): boolean {
    this.#chunks.push(chunk);
    this.#bytes += size;
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

  async *read(): AsyncGenerator<T, void> {
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
