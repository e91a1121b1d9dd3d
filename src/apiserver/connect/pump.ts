import type { Readable } from "node:stream";
import { drained, type ByteSink } from "#apiserver/http/exchange.ts";

/** Copies a body to the client, as fast as it takes it. */
export async function pump(from: Readable, sink: ByteSink, signal: AbortSignal): Promise<void> {
  for await (const chunk of from as AsyncIterable<Uint8Array>) {
    if (!sink.write(chunk)) await drained(sink, signal);
  }
}

/** The first bytes of a body as text. */
export async function readText(from: Readable, bytesMax: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of from as AsyncIterable<Uint8Array>) {
    chunks.push(chunk);
    size += chunk.length;
    if (size >= bytesMax) break;
  }
  return Buffer.concat(chunks).subarray(0, bytesMax).toString();
}
