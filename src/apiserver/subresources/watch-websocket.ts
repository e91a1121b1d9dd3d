import { Buffer } from "node:buffer";
import type { Duplex } from "node:stream";
import { badRequest } from "#api/status.ts";
import type { Call } from "#apiserver/call.ts";
import type { ByteSink } from "#apiserver/http/exchange.ts";
import { sinkBytesMax } from "#apiserver/http/limits.ts";
import type { ResourceEndpoint } from "#apiserver/resource-endpoint.ts";
import { acceptWebSocket, wantsWebSocket } from "#streaming/websocket/accept.ts";

/**
 * A watch over WebSocket: each event is one text message. Resolves when the watch has ended.
 * @throws {StatusError} before the handshake was answered.
 */
export async function watchOverWebSocket(
  endpoint: ResourceEndpoint,
  call: Call,
  { socket, head }: { readonly socket: Duplex; readonly head: Buffer },
): Promise<void> {
  const { request } = call;
  if (!wantsWebSocket(request)) throw badRequest("a watch can be upgraded to WebSocket only");
  const { body } = await endpoint.serve(call);
  const connection = await acceptWebSocket(request, socket, head, "");
  const sink = new MessageSink((text) => connection.send(text));
  try {
    if (body.kind === "bytes") sink.write(body.bytes);
    else await body.run(sink, request.signal);
    await sink.sent;
    connection.close();
  } catch {
    // The client left; there is nobody to tell.
    connection.destroy();
  }
}

/** Cuts a stream of lines into messages. Every write holds whole lines. */
class MessageSink implements ByteSink {
  readonly #send: (text: string) => Promise<void>;
  #waitingBytes = 0;
  #onDrained: (() => void) | undefined;
  /** Settles when everything written so far is sent. */
  sent: Promise<void> = Promise.resolve();

  constructor(send: (text: string) => Promise<void>) {
    this.#send = send;
  }

  write(bytes: Uint8Array): boolean {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
    this.#waitingBytes += bytes.length;
    this.sent = this.sent.then(async () => {
      for (const line of text.split("\n")) if (line !== "") await this.#send(line);
      this.#waitingBytes -= bytes.length;
      if (this.#waitingBytes >= sinkBytesMax) return;
      const listener = this.#onDrained;
      this.#onDrained = undefined;
      listener?.();
    });
    // Whoever awaits `sent` hears of a failure; until then it is nobody's unhandled one.
    this.sent.catch(() => undefined);
    return this.#waitingBytes < sinkBytesMax;
  }

  onceDrained(listener: () => void): void {
    this.#onDrained = listener;
  }
}
