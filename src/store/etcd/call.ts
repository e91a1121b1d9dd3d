import {
  create,
  fromBinary,
  toBinary,
  type DescMethod,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import type { Client } from "@grpc/grpc-js";
import { status, type ClientDuplexStream, type ServiceError } from "@grpc/grpc-js";
import { CompactedError, FutureRevisionError, StoreUnavailableError } from "#store/store.ts";

/** A method as the generated code describes it. */
type Method = DescMethod;

function pathOf(method: Method): string {
  return `/${method.parent.typeName}/${method.name}`;
}

function encoder<M extends Method>(method: M): (message: MessageShape<M["input"]>) => Buffer {
  return (message) => Buffer.from(toBinary(method.input, message));
}

function decoder<M extends Method>(method: M): (bytes: Buffer) => MessageShape<M["output"]> {
  return (bytes) => fromBinary(method.output, bytes) as MessageShape<M["output"]>;
}

/** One request, one answer. Rejects with grpc-js' error; see {@link storeError}. */
export function unary<M extends Method>(
  client: Client,
  method: M,
  input: MessageInitShape<M["input"]>,
  options: { readonly deadlineMs: number; readonly signal: AbortSignal },
): Promise<MessageShape<M["output"]>> {
  const { signal } = options;
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const call = client.makeUnaryRequest(
      pathOf(method),
      encoder(method),
      decoder(method),
      create(method.input, input) as MessageShape<M["input"]>,
      { deadline: options.deadlineMs },
      (error, output) => {
        signal.removeEventListener("abort", cancel);
        if (error !== null) reject(signal.aborted ? (signal.reason as Error) : error);
        else if (output !== undefined) resolve(output);
      },
    );
    function cancel(): void {
      call.cancel();
    }
    signal.addEventListener("abort", cancel);
  });
}

export function duplex<M extends Method>(
  client: Client,
  method: M,
): ClientDuplexStream<MessageShape<M["input"]>, MessageShape<M["output"]>> {
  return client.makeBidiStreamRequest(pathOf(method), encoder(method), decoder(method));
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && "code" in error && "details" in error;
}

/**
 * What a failed call means to a user of the store.
 * @param revision the revision that was asked for, where one was.
 */
export function storeError(error: unknown, doing: string, revision = 0): unknown {
  if (!isServiceError(error)) return error;
  // etcd `api/v3rpc/rpctypes/error.go`: both are OutOfRange and differ by their text alone.
  if (error.code === status.OUT_OF_RANGE) {
    return error.details.includes("compacted")
      ? new CompactedError(revision)
      : new FutureRevisionError(revision - 1);
  }
  const refused =
    error.code === status.RESOURCE_EXHAUSTED || error.code === status.INVALID_ARGUMENT;
  const message = `etcd: ${doing}: ${error.details}`;
  return new StoreUnavailableError(message, { maybeApplied: !refused, cause: error });
}
