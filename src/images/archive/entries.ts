import { manifestBytesMax } from "#images/store/image-store.ts";

/** The library's type of an entry does not say what its chunks are. */
export function bytesOf(entry: unknown): AsyncIterable<Uint8Array> {
  return entry as AsyncIterable<Uint8Array>;
}

/** The text of a small file. @throws {Error} when it is larger than a manifest may be. */
export async function readSmall(content: AsyncIterable<Uint8Array>, name: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of content) {
    bytes += chunk.length;
    if (bytes > manifestBytesMax) throw new Error(`the archive's ${name} is too large`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
