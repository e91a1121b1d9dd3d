import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { createGzip } from "node:zlib";
import type { Lease } from "#images/store/image-store.ts";
import type { ImageWorld } from "#images/verbs/find-image.ts";

/** A layer of the image store. */
export interface WrittenLayer {
  readonly digest: string;
  readonly size: number;
  readonly diffId: string;
}

/** Writes a tar as a compressed layer. */
export async function writeLayer(
  { store }: ImageWorld,
  tar: AsyncIterable<Uint8Array>,
  lease: Lease,
  signal: AbortSignal,
): Promise<WrittenLayer> {
  const hash = createHash("sha256");
  async function* hashed(): AsyncGenerator<Uint8Array> {
    for await (const chunk of tar) {
      hash.update(chunk);
      yield chunk;
    }
  }
  const gzip = createGzip();
  const plain = Readable.from(hashed(), { objectMode: false });
  plain.on("error", (error) => gzip.destroy(error));
  const { digest, sizeBytes } = await store.writeBlob(plain.pipe(gzip), { lease }, signal);
  return { digest, size: sizeBytes, diffId: `sha256:${hash.digest("hex")}` };
}
