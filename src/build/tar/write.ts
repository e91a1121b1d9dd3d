import { blockBytes, paddingOf, type TarEntry } from "./entry.ts";
import { encodeHeader } from "./header.ts";

/** Something to put into an archive. */
export interface WriteEntry {
  readonly entry: TarEntry;
  /** As many bytes as the entry's size says; undefined for none. */
  readonly content?: AsyncIterable<Uint8Array> | Iterable<Uint8Array> | undefined;
}

/** Small pieces are put together until they have this size. */
const chunkBytes = 65_536;

/**
 * The bytes of an archive with these entries, in their order.
 * @throws {Error} when a content has another size than its entry says.
 */
export async function* writeTar(
  entries: AsyncIterable<WriteEntry>,
): AsyncGenerator<Buffer, void, undefined> {
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  function add(piece: Buffer): void {
    pending.push(piece);
    pendingBytes += piece.length;
  }
  function flush(): Buffer {
    const chunk =
      pending.length === 1 && pending[0] !== undefined ? pending[0] : Buffer.concat(pending);
    [pending, pendingBytes] = [[], 0];
    return chunk;
  }
  for await (const { entry, content } of entries) {
    add(encodeHeader(entry));
    let written = 0;
    for await (const bytes of content ?? []) {
      written += bytes.length;
      add(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
      if (pendingBytes >= chunkBytes) yield flush();
    }
    if (written !== entry.size) {
      throw new Error(
        `${entry.name} has ${written} bytes, not ${entry.size}: it changed while it was read`,
      );
    }
    const padding = paddingOf(written);
    if (padding > 0) add(Buffer.alloc(padding));
    if (pendingBytes >= chunkBytes) yield flush();
  }
  add(Buffer.alloc(2 * blockBytes));
  yield flush();
}
