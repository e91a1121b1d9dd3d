import type { ClientHttp2Stream } from "node:http2";

/**
 * What a stream of HTTP/2 brings, to its end. Node's own iterator over it fails when the last frame
 * has come before the first read: such a stream counts as closed, though its data wait to be read.
 * @throws {Error} what the stream was destroyed with, or that it broke off.
 */
export async function* chunksOf(stream: ClientHttp2Stream): AsyncGenerator<Uint8Array> {
  let wake: (() => void) | undefined;
  function changed(): void {
    wake?.();
  }
  const events = ["readable", "end", "error", "close"] as const;
  for (const event of events) stream.on(event, changed);
  try {
    for (;;) {
      const chunk = stream.destroyed ? null : (stream.read() as Uint8Array | null);
      if (chunk !== null) yield chunk;
      else if (stream.readableEnded) return;
      else if (stream.destroyed) throw stream.errored ?? new Error("the stream broke off");
      else {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  } finally {
    for (const event of events) stream.off(event, changed);
  }
}
