import { Readable } from "node:stream";
import { extract } from "tar-stream";
import { dockerImages, namedImages } from "#cri/images/archive.ts";
import { normalizeReference } from "#oci/reference.ts";

const jsonBytesMax = 4 * 1024 * 1024;

/** Full names of the images in a tar; nothing else of it is kept. @throws when it names none. */
export async function archiveNames(
  tar: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<string[]> {
  const entries = extract();
  Readable.from(tar)
    .on("error", (error) => {
      entries.destroy(error);
    })
    .pipe(entries);
  const names = new Set<string>();
  for await (const entry of entries) {
    signal.throwIfAborted();
    const chunks: Uint8Array[] = [];
    const isIndex = entry.header.name === "index.json";
    const isWanted = isIndex || entry.header.name === "manifest.json";
    for await (const chunk of entry) {
      const keep = isWanted && entry.header.size <= jsonBytesMax;
      if (keep && chunk instanceof Uint8Array) chunks.push(chunk);
    }
    if (!isWanted) continue;
    const json: unknown = JSON.parse(Buffer.concat(chunks).toString());
    const found = isIndex
      ? namedImages(json).map((it) => it.name)
      : dockerImages(json).flatMap((it) => it.tags);
    for (const name of found) names.add(normalizeReference(name));
  }
  if (names.size === 0) throw new Error("the archive names no image");
  return [...names];
}
