import { readTar } from "#build/tar/read.ts";
import { writeTar, type WriteEntry } from "#build/tar/write.ts";
import { SafeNames } from "./safe-names.ts";

/**
 * The archive with names that lead nowhere but below its root.
 * @param bytesMax of all files; a small archive may hold very much.
 * @throws {Error} midway, for unsafe names and for too many bytes.
 */
export async function* archiveStream(
  archive: AsyncIterable<Uint8Array>,
  bytesMax: number,
): AsyncGenerator<Buffer, void, undefined> {
  yield* writeTar(safeEntries(archive, bytesMax));
}

async function* safeEntries(
  archive: AsyncIterable<Uint8Array>,
  bytesMax: number,
): AsyncGenerator<WriteEntry, void, undefined> {
  const names = new SafeNames();
  let bytes = 0;
  for await (const { entry, content } of readTar(archive)) {
    const name = names.place(entry.name);
    bytes += entry.size;
    if (bytes > bytesMax) {
      throw new Error(`the archive unpacks to more than ${bytesMax} bytes, which is the bound`);
    }
    if (name === "") continue;
    if (entry.kind === "symlink") names.addLink(name, entry.linkName);
    const linkName = entry.kind === "link" ? names.place(entry.linkName) : entry.linkName;
    yield { entry: { ...entry, name, linkName, xattrs: new Map() }, content };
  }
}
