import { fromBytesText, plainEntry } from "#build/tar/entry.ts";
import type { ReadEntry } from "#build/tar/read.ts";
import type { WriteEntry } from "#build/tar/write.ts";
import type { LayeredTree } from "#build/tree/layered.ts";
import { baseName, joinPath, opaqueAttribute, parentOf, whiteoutPrefix } from "./whiteouts.ts";

/**
 * The entries of an image's layer from those of overlayfs' directory of changes, as tar reads it:
 * sorted, each directory before what is in it. Marks of overlayfs become whiteouts, one for each
 * file that is gone.
 * @param below the tree that the changes were made to; undefined when there was none.
 * @param epoch seconds; no file is younger. Undefined: files are as old as they are.
 */
export async function* packLayer(
  files: AsyncIterable<ReadEntry>,
  below: LayeredTree | undefined,
  epoch: number | undefined,
): AsyncGenerator<WriteEntry, void, undefined> {
  /** Directories of which nothing of the layers below is seen. */
  const hiding = new Set<string>();
  const namesOf = new Map<string, Set<string>>();
  /** Closed when the next entry is outside of it. */
  const open: string[] = [];
  for await (const { entry, content } of files) {
    const path = entry.name.replace(/^\.\/?/, "");
    if (path === "") continue;
    yield* closeUpTo(path);
    namesOf.get(parentOf(path))?.add(baseName(path));
    const mtime = epoch === undefined ? entry.mtime : Math.min(entry.mtime, epoch);
    if (entry.kind === "character" && entry.major === 0 && entry.minor === 0) {
      yield whiteout(path, mtime);
      continue;
    }
    const xattrs = new Map(entry.xattrs);
    xattrs.delete(opaqueAttribute);
    const linkName = entry.kind === "link" ? entry.linkName.replace(/^\.\//, "") : entry.linkName;
    yield { entry: { ...entry, name: path, linkName, mtime, xattrs }, content };
    if (entry.kind !== "directory") continue;
    const hides = entry.xattrs.has(opaqueAttribute) || hiding.has(parentOf(path));
    if (!hides || !isDirectoryBelow(path)) continue;
    hiding.add(path);
    namesOf.set(path, new Set());
    open.push(path);
  }
  yield* closeUpTo(undefined);

  function isDirectoryBelow(path: string): boolean {
    return below?.find(fromBytesText(path), false)?.stats.isDirectory() === true;
  }

  /** Ends directories that the path is not in: all their files are known, the others are gone. */
  function* closeUpTo(path: string | undefined): Generator<WriteEntry, void, undefined> {
    for (;;) {
      const directory = open.at(-1);
      if (directory === undefined || path?.startsWith(`${directory}/`) === true) return;
      open.pop();
      const names = namesOf.get(directory);
      const entry = below?.find(fromBytesText(directory), false);
      if (entry === undefined || below === undefined) continue;
      for (const gone of below.list(entry)) {
        const name = Buffer.from(gone.names.at(-1) ?? "", "utf8").toString("latin1");
        if (names?.has(name) !== true) yield whiteout(joinPath(directory, name), epoch ?? 0);
      }
    }
  }
}

function whiteout(path: string, mtime: number): WriteEntry {
  const name = joinPath(parentOf(path), `${whiteoutPrefix}${baseName(path)}`);
  return { entry: { ...plainEntry, name, mode: 0, mtime } };
}
