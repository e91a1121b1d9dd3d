import { SafeNames } from "#build/archive/safe-names.ts";
import { fromBytesText, plainEntry, type TarEntry } from "#build/tar/entry.ts";
import type { ReadEntry } from "#build/tar/read.ts";
import type { WriteEntry } from "#build/tar/write.ts";
import {
  baseName,
  joinPath,
  metadataPrefix,
  opaqueAttribute,
  opaqueName,
  parentOf,
  whiteoutPrefix,
} from "./whiteouts.ts";

/** What is known of a layer when all its entries were seen. */
export interface UnpackedLayer {
  /** Directories that hide those of layers below; see `TreeLayer`. */
  readonly opaque: readonly string[];
  readonly contentBytes: number;
}

/**
 * The entries that make a layer's directory for overlayfs from those of an image's layer. Nothing
 * gets a name outside of the directory.
 * @param bytesMax of all files; a small archive may hold very much.
 * @param report is told what was found, at the end.
 * @throws {Error} for unsafe names, for links to what the layer has not, for too many bytes.
 */
export async function* unpackLayer(
  entries: AsyncIterable<ReadEntry>,
  bytesMax: number,
  report: (layer: UnpackedLayer) => void,
): AsyncGenerator<WriteEntry, void, undefined> {
  const names = new SafeNames();
  const directories = new Map<string, TarEntry>();
  const files = new Set<string>();
  const gone = new Set<string>();
  const opaque = new Set<string>();
  let contentBytes = 0;
  for await (const { entry, content } of entries) {
    const path = names.place(entry.name);
    const name = baseName(path);
    if (name === opaqueName) opaque.add(parentOf(path));
    else if (name.startsWith(metadataPrefix)) continue;
    else if (name.startsWith(whiteoutPrefix))
      gone.add(joinPath(parentOf(path), name.slice(whiteoutPrefix.length)));
    else {
      contentBytes += entry.size;
      if (contentBytes > bytesMax) {
        throw new Error(`the layer has more than ${bytesMax} bytes of files, which is the bound`);
      }
      const placed = placeEntry(entry, path);
      if (placed.kind === "directory") directories.set(path, placed);
      else files.add(path);
      yield { entry: placed, content };
    }
  }
  yield* endings();
  report({ opaque: [...opaque].map(fromBytesText), contentBytes });

  function placeEntry(entry: TarEntry, path: string): TarEntry {
    const xattrs = new Map([...entry.xattrs].filter(([name]) => !name.startsWith("trusted.")));
    if (entry.kind === "symlink") names.addLink(path, entry.linkName);
    const placed = { ...entry, name: path === "" ? "." : path, xattrs };
    if (entry.kind !== "link") return placed;
    const linkName = names.place(entry.linkName);
    if (files.has(linkName)) return { ...placed, linkName };
    throw new Error(`the layer has a hard link to '${entry.linkName}', which it does not have`);
  }

  /** Marks, which come last: a name may be gone and made anew by the same layer. */
  function* endings(): Generator<WriteEntry, void, undefined> {
    for (const path of gone) {
      if (directories.has(path)) opaque.add(path);
      else if (!files.has(path)) yield { entry: { ...blank, kind: "character", name: path } };
    }
    const xattrs = new Map([[opaqueAttribute, "y"]]);
    for (const path of opaque) {
      const directory = directories.get(path) ?? { ...blank, name: path === "" ? "." : path };
      yield { entry: { ...directory, xattrs: new Map([...directory.xattrs, ...xattrs]) } };
    }
  }
}

const blank: TarEntry = { ...plainEntry, kind: "directory", mode: 0o755 };
