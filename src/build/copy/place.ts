import type { Stats } from "node:fs";
import type { LayeredTree, TreeEntry } from "#build/tree/layered.ts";
import type { Selection } from "./select.ts";

/** A file and where in the image it goes. */
export interface PlacedFile {
  readonly hostPath: string;
  /** From the image's root, without a slash before it. */
  readonly target: string;
  readonly stats: Stats;
}

/** A directory that has to be there for what is copied into it. */
export interface ParentDirectory {
  readonly target: string;
  /** Of the directory as the image has it; undefined for one that is new. */
  readonly stats: Stats | undefined;
}

export interface Placement {
  /** Each before those below it. */
  readonly parents: readonly ParentDirectory[];
  readonly files: readonly PlacedFile[];
}

/** Where a COPY goes. */
export interface Destination {
  /** The image so far; undefined for one of nothing, and for --link, which does not look at it. */
  readonly tree: LayeredTree | undefined;
  /** From the root; a slash at its end says that it is a directory. */
  readonly path: string;
}

/** A place in the image, symbolic links on the way followed. */
export interface ResolvedDestination {
  readonly names: readonly string[];
  /** What is there; undefined for nothing. */
  readonly entry: TreeEntry | undefined;
}

/** @throws {Error} when the path leads through a file. */
export function resolveDestination(destination: Destination): ResolvedDestination {
  const names = destination.path.split("/").filter((it) => it !== "");
  if (destination.tree === undefined) return { names, entry: undefined };
  const { entry, missing } = destination.tree.walk(destination.path, true);
  if (missing.length === 0) return { names: entry.names, entry };
  if (!entry.stats.isDirectory()) {
    throw new Error(
      `/${entry.names.join("/")} is not a directory, so ${destination.path} cannot be in it`,
    );
  }
  return { names: [...entry.names, ...missing], entry: undefined };
}

/**
 * The directory that takes files by their names, or the name of the one file.
 * @throws {Error} when a directory would replace a file.
 */
export function placeSelection(
  selection: Selection,
  destination: Destination,
  keepParents: boolean,
): { readonly directory: readonly string[]; readonly files: readonly PlacedFile[] } {
  const { names, entry } = resolveDestination(destination);
  const { source, entries } = selection;
  const isDirectory = destination.path.endsWith("/") || entry?.stats.isDirectory() === true;
  if (source.stats.isDirectory()) {
    if (entry !== undefined && !entry.stats.isDirectory()) {
      throw new Error(`cannot copy a directory to ${destination.path}: it is a file`);
    }
    const kept = keepParents || entry !== undefined;
    const files = entries
      // A directory that is there keeps its owner and mode.
      .filter((it) => it.relative.length > 0 || !kept)
      .map((it) => placed(it.entry, [...names, ...it.relative]));
    return { directory: kept ? names : names.slice(0, -1), files };
  }
  const target = isDirectory ? [...names, source.names.at(-1) ?? ""] : names;
  const before = isDirectory ? destination.tree?.find(target.join("/"), false) : undefined;
  if (before?.stats.isDirectory() === true) {
    throw new Error(`cannot copy a file to /${target.join("/")}: it is a directory`);
  }
  return { directory: target.slice(0, -1), files: [placed(source, target)] };
}

function placed(entry: TreeEntry, target: readonly string[]): PlacedFile {
  return { hostPath: entry.hostPath, target: target.join("/"), stats: entry.stats };
}

/** The directories on the way to these, and these, as the image has them or new. */
export function parentsOf(
  directories: readonly (readonly string[])[],
  tree: LayeredTree | undefined,
): ParentDirectory[] {
  const parents = new Map<string, ParentDirectory>();
  for (const names of directories) {
    for (const index of names.keys()) {
      const target = names.slice(0, index + 1).join("/");
      if (parents.has(target)) continue;
      const entry = tree?.find(target, false);
      parents.set(target, { target, stats: entry?.stats });
    }
  }
  return [...parents.values()].sort((a, b) => (a.target < b.target ? -1 : 1));
}
