import assert from "node:assert/strict";
import { once } from "node:events";
import http2, { type ClientHttp2Stream } from "node:http2";

/** Streams fail when their server goes; tests look at what they received. */
function gone(): void {
  // Nothing to do.
}

/**
 * GET streams over TLS, dealt out to so many connections. What is not read stays with the server, but
 * for the 64 KB of a stream's window.
 */
export async function openStreams(
  port: number,
  paths: readonly string[],
  connections: number,
): Promise<{ readonly streams: ClientHttp2Stream[] } & AsyncDisposable> {
  const sessions = Array.from({ length: connections }, () =>
    http2.connect(`https://127.0.0.1:${port}`, { rejectUnauthorized: false }),
  );
  for (const it of sessions) {
    it.on("error", gone).setMaxListeners(0);
    // As Go's client: one stream that is not read must not hold up the others by itself.
    it.once("connect", () => {
      it.setLocalWindowSize(64 * 1024 * 1024);
    });
  }
  const streams = paths.map((path, i) => {
    const stream = sessions[i % connections]?.request({ ":path": path });
    assert.ok(stream !== undefined);
    return stream.on("error", gone);
  });
  await Promise.all(streams.map((it) => once(it, "response")));
  return {
    streams,
    async [Symbol.asyncDispose]() {
      const closed = sessions.map((it) => once(it, "close"));
      for (const it of sessions) it.destroy();
      await Promise.all(closed);
    },
  };
}
