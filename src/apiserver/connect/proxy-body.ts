import type { IncomingMessage } from "node:http";
import { createGunzip, createInflate } from "node:zlib";
import { pipeline, type Readable } from "node:stream";
import type { ByteSink } from "#apiserver/http/exchange.ts";
import { pump } from "./pump.ts";
import { rewriteHtml, type ProxyPlace } from "./proxy-links.ts";

/** Pages are held whole while their links are rewritten; longer ones pass as they are. */
const pageBytesMax = 8 * 1024 * 1024;

/** True for a response whose links are rewritten: HTML in an encoding that is understood. */
export function isPage(response: IncomingMessage): boolean {
  const [type = ""] = (response.headers["content-type"] ?? "").split(";");
  return type.trim().toLowerCase() === "text/html" && decoderOf(response) !== undefined;
}

/** Writes a page with its links rewritten, without the encoding it came in. */
export async function writePage(
  response: IncomingMessage,
  place: ProxyPlace,
  sink: ByteSink,
  signal: AbortSignal,
): Promise<void> {
  const decoded = decoderOf(response)?.() ?? response;
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of decoded.iterator({ destroyOnReturn: false })) {
    chunks.push(chunk as Uint8Array);
    size += (chunk as Uint8Array).length;
    if (size > pageBytesMax) {
      sink.write(Buffer.concat(chunks));
      await pump(decoded, sink, signal);
      return;
    }
  }
  sink.write(Buffer.from(rewriteHtml(Buffer.concat(chunks).toString(), place)));
}

function decoderOf(response: IncomingMessage): (() => Readable) | undefined {
  switch (response.headers["content-encoding"] ?? "") {
    case "":
    case "identity":
      return () => response;
    case "gzip":
      return () => pipeline(response, createGunzip(), () => undefined);
    case "deflate":
      return () => pipeline(response, createInflate(), () => undefined);
    default:
      return undefined;
  }
}
