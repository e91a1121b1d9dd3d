import { readTar } from "#build/tar/read.ts";
import { writeTar, type WriteEntry } from "#build/tar/write.ts";
import { SafeNames } from "./safe-names.ts";

/** The archive with names that lead nowhere but below its root. @throws {Error} midway */
export async function* archiveStream(
  archive: AsyncIterable<Uint8Array>,
): AsyncGenerator<Buffer, void, undefined> {
  yield* writeTar(safeEntries(archive));
}

async function* safeEntries(
  archive: AsyncIterable<Uint8Array>,
): AsyncGenerator<WriteEntry, void, undefined> {
  const names = new SafeNames();
  for await (const { entry, content } of readTar(archive)) {
    const name = names.place(entry.name);
    if (name === "") continue;
    if (entry.kind === "symlink") names.addLink(name, entry.linkName);
    const linkName = entry.kind === "link" ? names.place(entry.linkName) : entry.linkName;
    yield { entry: { ...entry, name, linkName, xattrs: new Map() }, content };
  }
}
