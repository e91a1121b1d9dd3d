import {
  create,
  type DescMessage,
  type DescMethodBiDiStreaming,
  type DescMethodServerStreaming,
  type DescMethodUnary,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import {
  Client,
  type ClientDuplexStream,
  type ClientReadableStream,
  credentials,
  Metadata,
} from "@grpc/grpc-js";

export interface CallOptions {
  /** The call ends with status 4 at this moment (milliseconds since the epoch). */
  readonly deadlineMs?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Two names for a method's descriptor, so that signatures stay readable. */
type Init<I extends DescMessage> = MessageInitShape<I>;

const messageBytesMax = 32 * 1024 * 1024;

/**
 * Calls of generated services on one gRPC connection. The connection is made at the first call, and
 * made again when the server comes back. Failures are grpc-js `ServiceError`s; an abort rejects with
 * the signal's reason.
 */
export class GrpcConnection implements Disposable {
  readonly #client: Client;

  /** @param socketPath of a unix socket. */
  constructor(socketPath: string) {
    this.#client = new Client(`unix:${socketPath}`, credentials.createInsecure(), {
      "grpc.max_receive_message_length": messageBytesMax,
      "grpc.max_send_message_length": messageBytesMax,
      "grpc.initial_reconnect_backoff_ms": 50,
      "grpc.max_reconnect_backoff_ms": 1_000,
      "grpc.service_config_disable_resolution": 1,
    });
  }

  async unary<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: Init<I>,
    options: CallOptions,
    signal: AbortSignal,
  ): Promise<MessageShape<O>> {
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<MessageShape<O>>();
    const call = this.#client.makeUnaryRequest(
      pathOf(method),
      (message: MessageShape<I>) => Buffer.from(toBinary(method.input, message)),
      (bytes) => fromBinary(method.output, bytes),
      create(method.input, request),
      metadataOf(options),
      callOptionsOf(options),
      (error, response) => {
        if (signal.aborted) reject(asError(signal.reason));
        else if (error !== null) reject(error);
        else if (response === undefined) reject(new Error(`${method.name}: empty answer`));
        else resolve(response);
      },
    );
    function cancel(): void {
      call.cancel();
    }
    signal.addEventListener("abort", cancel, { once: true });
    try {
      return await promise;
    } finally {
      signal.removeEventListener("abort", cancel);
    }
  }

  /** Messages until the server ends the stream. The call is under way when this returns. */
  serverStream<I extends DescMessage, O extends DescMessage>(
    method: DescMethodServerStreaming<I, O>,
    request: Init<I>,
    options: CallOptions,
    signal: AbortSignal,
  ): AsyncGenerator<MessageShape<O>, void, undefined> {
    signal.throwIfAborted();
    const call: ClientReadableStream<MessageShape<O>> = this.#client.makeServerStreamRequest(
      pathOf(method),
      (message: MessageShape<I>) => Buffer.from(toBinary(method.input, message)),
      (bytes) => fromBinary(method.output, bytes),
      create(method.input, request),
      metadataOf(options),
      callOptionsOf(options),
    );
    return readCall<MessageShape<O>>(call, signal);
  }

  bidiStream<I extends DescMessage, O extends DescMessage>(
    method: DescMethodBiDiStreaming<I, O>,
    options: CallOptions,
    signal: AbortSignal,
  ): BidiCall<I, O> {
    signal.throwIfAborted();
    const call: ClientDuplexStream<
      MessageShape<I>,
      MessageShape<O>
    > = this.#client.makeBidiStreamRequest(
      pathOf(method),
      (message: MessageShape<I>) => Buffer.from(toBinary(method.input, message)),
      (bytes) => fromBinary(method.output, bytes),
      metadataOf(options),
      callOptionsOf(options),
    );
    return {
      responses: readCall<MessageShape<O>>(call, signal),
      send(request) {
        call.write(create(method.input, request));
      },
      end() {
        call.end();
      },
    };
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }
}

/** A conversation; read `responses` to the end, or return from them to cancel the call. */
export interface BidiCall<I extends DescMessage, O extends DescMessage> {
  readonly responses: AsyncGenerator<MessageShape<O>, void, undefined>;
  /** The caller bounds what is sent ahead of the responses. */
  send(request: Init<I>): void;
  end(): void;
}

function readCall<T>(
  call: ClientReadableStream<T> | ClientDuplexStream<never, T>,
  signal: AbortSignal,
): AsyncGenerator<T, void, undefined> {
  function cancel(): void {
    call.cancel();
  }
  signal.addEventListener("abort", cancel, { once: true });
  // A call that fails before or after it is read tells nobody.
  call.on("error", () => undefined);
  async function* read(): AsyncGenerator<T, void, undefined> {
    try {
      for await (const message of call) yield message as T;
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    } finally {
      signal.removeEventListener("abort", cancel);
      call.cancel();
    }
  }
  return read();
}

function pathOf(method: { readonly name: string; readonly parent: { typeName: string } }): string {
  return `/${method.parent.typeName}/${method.name}`;
}

function metadataOf(options: CallOptions): Metadata {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(options.headers ?? {})) metadata.set(name, value);
  return metadata;
}

function callOptionsOf(options: CallOptions): { deadline?: number } {
  return options.deadlineMs === undefined ? {} : { deadline: options.deadlineMs };
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}
