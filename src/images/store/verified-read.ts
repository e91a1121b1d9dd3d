import { createHash } from "node:crypto";
import type { Stats } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";
import { Readable } from "node:stream";
import { parseDigest } from "#oci/digest.ts";
import { DamagedBlobError, type ByteRange } from "./image-store.ts";

/** Read at a time: large enough that the disk and not the calls count. */
const chunkBytes = 512 * 1024;
/** Blobs that are known to be good, as their files were then. */
const verifiedMax = 100_000;

/** Reads blobs from their files, and compares each with its digest once. */
export class VerifiedReader {
  /** Digest to what the file was when its content was right. */
  readonly #verified = new Map<string, string>();
  readonly #onDamaged: (digest: string, identity: string) => Promise<void>;

  /** @param onDamaged hears of blobs that are not what their digest says; see {@link identityOf}. */
  constructor(onDamaged: (digest: string, identity: string) => Promise<void>) {
    this.#onDamaged = onDamaged;
  }

  /**
   * A stream of the blob or a part of it. One of the whole blob fails before its last bytes when the
   * content is wrong; it compares again when the file has changed. @throws {Error} without a file.
   */
  async read(path: string, digest: string, range: ByteRange | undefined): Promise<Readable> {
    const file = await open(path, "r");
    try {
      const stats = await file.stat();
      const { size } = stats;
      const identity = identityOf(stats);
      const start = range?.start ?? 0;
      const end = Math.min(range?.end ?? Infinity, size - 1);
      const isWhole = start === 0 && end === size - 1;
      if (!isWhole || this.#verified.get(digest) === identity) {
        return streamOf(readRange(file, start, end + 1));
      }
      return streamOf(this.#verify(file, { digest, size, identity }));
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Takes the content for right: it was compared as it was written. */
  trust(digest: string, identity: string): void {
    if (this.#verified.size >= verifiedMax) this.#verified.clear();
    this.#verified.set(digest, identity);
  }

  /** The whole content. @throws {DamagedBlobError} */
  async readAll(path: string, digest: string): Promise<Buffer> {
    const chunks: Buffer[] = [];
    for await (const chunk of await this.read(path, digest, undefined)) {
      chunks.push(chunk as Buffer);
    }
    return Buffer.concat(chunks);
  }

  async *#verify(
    file: FileHandle,
    blob: { readonly digest: string; readonly size: number; readonly identity: string },
  ): AsyncGenerator<Buffer, void, undefined> {
    const hash = createHash(parseDigest(blob.digest)?.algorithm ?? "sha256");
    let held: Buffer | undefined;
    for await (const chunk of readRange(file, 0, blob.size)) {
      hash.update(chunk);
      if (held !== undefined) yield held;
      held = chunk;
    }
    if (!blob.digest.endsWith(`:${hash.digest("hex")}`)) {
      await this.#onDamaged(blob.digest, blob.identity);
      throw new DamagedBlobError(blob.digest);
    }
    this.trust(blob.digest, blob.identity);
    if (held !== undefined) yield held;
  }
}

/** Changes with the file's content, unless somebody takes pains that it does not. */
export function identityOf({
  ino,
  mtimeMs,
  size,
}: Pick<Stats, "ino" | "mtimeMs" | "size">): string {
  return `${ino} ${mtimeMs} ${size}`;
}

async function* readRange(
  file: FileHandle,
  start: number,
  end: number,
): AsyncGenerator<Buffer, void, undefined> {
  try {
    for (let at = start; at < end;) {
      const buffer = Buffer.allocUnsafe(Math.min(chunkBytes, end - at));
      const { bytesRead } = await file.read(buffer, 0, buffer.length, at);
      if (bytesRead === 0) return;
      at += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

function streamOf(chunks: AsyncGenerator<Buffer, void, undefined>): Readable {
  return Readable.from(chunks, { objectMode: false, highWaterMark: chunkBytes });
}
