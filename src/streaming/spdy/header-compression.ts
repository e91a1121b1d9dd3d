import { constants, createInflate, type Inflate } from "node:zlib";
import { headerDictionary } from "./dictionary.ts";
import { SpdyProtocolError } from "./frame.ts";

/** What one header block may grow to; guards against a block that is a compression bomb. */
export const headerBlockBytesMax = 256 * 1024;

/**
 * Our direction's zlib stream. Blocks are "stored" (RFC 1951, 3.2.4) and followed by the empty block
 * that a sync flush writes: every inflater reads it, it needs no state, and frames can be written
 * synchronously, in order. Header blocks of Kubernetes are around 100 bytes, a few times a session.
 */
export class HeaderDeflater {
  #started = false;

  compress(block: Uint8Array): Buffer {
    const parts: Uint8Array[] = [];
    if (!this.#started) parts.push(zlibHead);
    this.#started = true;
    for (let at = 0; at < block.length; at += storedBytesMax) {
      const piece = block.subarray(at, at + storedBytesMax);
      parts.push(storedHead(piece.length), piece);
    }
    parts.push(storedHead(0));
    return Buffer.concat(parts);
  }
}

/** Deflate, 32 KiB window, fastest level, no preset dictionary (RFC 1950). */
const zlibHead = Buffer.from([0x78, 0x01]);
const storedBytesMax = 0xffff;

function storedHead(length: number): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt16LE(length, 1);
  head.writeUInt16LE(length ^ 0xffff, 3);
  return head;
}

/** The peer's zlib stream: one for all header blocks of a session, which must be read in order. */
export class HeaderInflater implements Disposable {
  readonly #inflate: Inflate = createInflate({
    dictionary: headerDictionary,
    finishFlush: constants.Z_SYNC_FLUSH,
  });

  constructor() {
    // `decompress` listens while it runs; what a broken stream says later has been told already.
    this.#inflate.on("error", () => undefined);
  }

  /** One block at a time: await it before the next. @throws {SpdyProtocolError} */
  async decompress(compressed: Uint8Array): Promise<Buffer> {
    const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
    const inflate = this.#inflate;
    const chunks: Buffer[] = [];
    let size = 0;
    function collect(chunk: Buffer): void {
      size += chunk.length;
      if (size > headerBlockBytesMax) {
        inflate.destroy();
        reject(new SpdyProtocolError(`SPDY header block over ${headerBlockBytesMax} bytes`));
      }
      chunks.push(chunk);
    }
    function broken(cause: Error): void {
      reject(new SpdyProtocolError("SPDY header block does not decompress", { cause }));
    }
    inflate.on("data", collect);
    inflate.once("error", broken);
    inflate.write(compressed, (error) => {
      if (error != null) broken(error);
      else resolve(Buffer.concat(chunks));
    });
    try {
      return await promise;
    } finally {
      inflate.off("data", collect);
      inflate.off("error", broken);
    }
  }

  [Symbol.dispose](): void {
    this.#inflate.destroy();
  }
}
