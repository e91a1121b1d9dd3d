import { fileEntries } from "#build/copy/entries.ts";
import type { PlacedFile } from "#build/copy/place.ts";
import type { WriteEntry } from "#build/tar/write.ts";
import type { LayeredTree, TreeEntry } from "#build/tree/layered.ts";

/** All files of an image as one archive's entries, each directory before what is in it. */
export async function* fileSystemEntries(
  tree: LayeredTree | undefined,
  epoch: number | undefined,
  signal: AbortSignal,
): AsyncGenerator<WriteEntry, void, undefined> {
  if (tree === undefined) return;
  const unchanged = { owner: undefined, mode: undefined };
  for await (const { entry, content } of fileEntries(filesOf(tree), unchanged, signal)) {
    const mtime = epoch === undefined ? entry.mtime : Math.min(entry.mtime, epoch);
    const xattrs = new Map([...entry.xattrs].filter(([name]) => !name.startsWith("trusted.")));
    yield { entry: { ...entry, mtime, xattrs }, content };
  }
}

function filesOf(tree: LayeredTree): PlacedFile[] {
  const files: PlacedFile[] = [];
  const waiting: TreeEntry[] = tree.list(tree.root).toReversed();
  for (;;) {
    const entry = waiting.pop();
    if (entry === undefined) return files;
    files.push({ hostPath: entry.hostPath, target: entry.names.join("/"), stats: entry.stats });
    if (entry.stats.isDirectory()) waiting.push(...tree.list(entry).toReversed());
  }
}
