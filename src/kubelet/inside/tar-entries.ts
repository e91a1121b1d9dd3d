import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type Extract, extract } from "tar-stream";

export type TarEntry = Extract extends AsyncIterable<infer E> ? E : never;

/** The entries of a tar; each is to be read or left with `resume` before the next. @throws {Error} */
export async function* tarEntries(
  tar: AsyncIterable<Uint8Array>,
): AsyncGenerator<TarEntry, void, undefined> {
  const entries = extract();
  // What fails there ends the entries with the same error.
  const feeding = pipeline(Readable.from(tar, { objectMode: false }), entries).catch(
    () => undefined,
  );
  try {
    for await (const entry of entries) yield entry;
  } finally {
    entries.destroy();
    await feeding;
  }
}
