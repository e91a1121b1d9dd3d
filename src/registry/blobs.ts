import { pipeline } from "node:stream/promises";
import type { BlobStat } from "#images/store/image-store.ts";
import type { RegistryContext } from "./context.ts";
import { answer, type Exchange } from "./http/exchange.ts";
import { parseRange } from "./http/range.ts";
import { Refusal } from "./http/refusal.ts";

/** Content of a digest never changes. */
const forever = "max-age=31536000, immutable";

/** GET and HEAD of a blob: distribution-spec, Pulling blobs. */
export async function serveBlob(
  context: RegistryContext,
  at: { readonly repository: string; readonly digest: string },
  exchange: Exchange,
): Promise<void> {
  const { digest } = at;
  const blob = await findBlob(context, at, exchange.signal);
  if (blob === undefined) throw unknownBlob(at);
  const headers = {
    "content-type": "application/octet-stream",
    "docker-content-digest": digest,
    "accept-ranges": "bytes",
    "cache-control": forever,
    etag: `"${digest}"`,
  };
  if (exchange.request.headers["if-none-match"] === headers.etag) {
    answer(exchange, 304, headers);
    return;
  }
  const { sizeBytes } = blob;
  const range = parseRange(exchange.request.headers.range, sizeBytes);
  if (range === "outside") {
    throw new Refusal(416, "RANGE_INVALID", `the blob has ${sizeBytes} bytes`, {
      headers: { "content-range": `bytes */${sizeBytes}` },
    });
  }
  const span = range === "whole" ? undefined : range;
  const length = span === undefined ? sizeBytes : span.end - span.start + 1;
  const part =
    span === undefined ? {} : { "content-range": `bytes ${span.start}-${span.end}/${sizeBytes}` };
  const all = { ...headers, ...part, "content-length": length };
  if (exchange.method === "HEAD") {
    answer(exchange, span === undefined ? 200 : 206, all);
    return;
  }
  const content = await context.store.readBlob(digest, span);
  if (content === undefined) throw unknownBlob(at);
  exchange.response.writeHead(span === undefined ? 200 : 206, all);
  // Content that turns out to be damaged fails here: the connection breaks before its end.
  await pipeline(content, exchange.response);
}

/** DELETE of a blob. */
export async function deleteBlob(
  context: RegistryContext,
  at: { readonly repository: string; readonly digest: string },
  exchange: Exchange,
): Promise<void> {
  const result = await context.store.unlink(at.repository, at.digest);
  if (result === "unknown") throw unknownBlob(at);
  if (result === "used") {
    const message = `a manifest of ${at.repository} needs ${at.digest}: delete that first`;
    throw new Refusal(405, "UNSUPPORTED", message);
  }
  answer(exchange, 202, { "docker-content-digest": at.digest });
}

async function findBlob(
  { store, mirror }: RegistryContext,
  { repository, digest }: { readonly repository: string; readonly digest: string },
  signal: AbortSignal,
): Promise<BlobStat | undefined> {
  const found = store.hasLink(repository, digest) ? await store.findBlob(digest) : undefined;
  if (found !== undefined || mirror === undefined) return found;
  await mirror.fetchBlob(repository, digest, signal);
  return store.hasLink(repository, digest) ? await store.findBlob(digest) : undefined;
}

function unknownBlob(at: { readonly repository: string; readonly digest: string }): Refusal {
  return new Refusal(404, "BLOB_UNKNOWN", `no blob ${at.digest} in ${at.repository}`);
}
