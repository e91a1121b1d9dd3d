import type { Clock } from "#base/clock.ts";
import { describeError } from "#base/log.ts";
import { TaskGroup } from "#base/task-group.ts";
import type { ByteStream } from "#cri/runtime.ts";
import { streamCreationMs } from "#streaming/remote-command/spdy-server.ts";
import { resetStatus } from "#streaming/spdy/frame.ts";
import type { SpdySession } from "#streaming/spdy/session.ts";
import type { SpdyStream } from "#streaming/spdy/stream.ts";
import type { OpenPort } from "./open-port.ts";

/**
 * Serves `portforward.k8s.io`: each connection is a pair of streams, one for errors and one for
 * data, with the same request id. Resolves when the session is over and every connection closed.
 */
export async function forwardOverSpdy(
  session: SpdySession,
  open: OpenPort,
  clock: Clock,
): Promise<void> {
  await using tasks = new TaskGroup(() => {
    // Each forward tells its own client what went wrong.
  });
  const pairs = new Map<string, Pair>();
  for await (const stream of session.incoming()) {
    const type = stream.headers["streamtype"];
    const port = Number(stream.headers["port"]);
    if ((type !== "error" && type !== "data") || !Number.isInteger(port) || port < 1) {
      stream.reset(resetStatus.protocolError);
      continue;
    }
    const id = requestIdOf(stream, type);
    const pair = pairs.get(id) ?? { port };
    pair[type] = stream;
    stream.reply();
    const { data, error } = pair;
    if (data === undefined || error === undefined) {
      pairs.set(id, pair);
      tasks.start((signal) => expire(pairs, { id, pair }, clock, signal));
      continue;
    }
    pairs.delete(id);
    tasks.start((signal) => forward({ data, error, port }, open, signal));
  }
}

interface Pair {
  readonly port: number;
  data?: SpdyStream;
  error?: SpdyStream;
}

/** Old clients send no request id: their data stream follows the error stream. */
function requestIdOf(stream: SpdyStream, type: "error" | "data"): string {
  return stream.headers["requestid"] ?? String(type === "error" ? stream.id : stream.id - 2);
}

/** Gives up half a pair whose other half does not come. */
async function expire(
  pairs: Map<string, Pair>,
  { id, pair }: { readonly id: string; readonly pair: Pair },
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const half = pair.data ?? pair.error;
  const over = new AbortController();
  half?.closed.then(
    () => {
      over.abort();
    },
    () => undefined,
  );
  await clock
    .sleep(streamCreationMs, AbortSignal.any([signal, over.signal]))
    .catch(() => undefined);
  if (pairs.get(id) !== pair) return;
  pairs.delete(id);
  half?.reset(resetStatus.cancel);
}

async function forward(
  streams: { readonly data: SpdyStream; readonly error: SpdyStream; readonly port: number },
  open: OpenPort,
  signal: AbortSignal,
): Promise<void> {
  const { data, error } = streams;
  try {
    const connection = await open(streams.port, signal);
    await copyBothWays(connection, data);
  } catch (cause) {
    await error.write(Buffer.from(describeError(cause))).catch(() => undefined);
  } finally {
    data.end();
    // The client waits for it, and then forgets the connection.
    error.end();
    error.reset(resetStatus.cancel);
    data.reset(resetStatus.cancel);
  }
}

/** Rejects with what the pod's side failed with; a client that leaves is no failure. */
async function copyBothWays(connection: ByteStream, data: SpdyStream): Promise<void> {
  const left = data.closed.then(() => {
    connection.close();
  });
  const up = copyUp(connection, data);
  try {
    for await (const chunk of connection.output) {
      try {
        await data.write(chunk);
      } catch {
        break; // The client has left.
      }
    }
    data.end();
  } finally {
    connection.close();
    data.reset(resetStatus.cancel);
    await Promise.all([up, left]);
  }
}

async function copyUp(connection: ByteStream, data: SpdyStream): Promise<void> {
  try {
    for await (const chunk of data.input) await connection.write(chunk);
    connection.end();
  } catch {
    // Either side broke; the other direction tells.
  }
}
