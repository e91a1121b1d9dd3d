import { lstatSync, readdirSync, readlinkSync, type Stats } from "node:fs";
import { pathNames } from "#build/paths/clean.ts";

/** A directory that holds what one layer adds to those below it, in overlayfs' form. */
export interface TreeLayer {
  readonly directory: string;
  /** Directories, from the root without a slash before them, that hide those of layers below. */
  readonly opaque: ReadonlySet<string>;
}

/** A file, seen through all layers. */
export interface TreeEntry {
  /** Names from the root; empty for the root itself. */
  readonly names: readonly string[];
  /** Where it is on this machine. */
  readonly hostPath: string;
  readonly stats: Stats;
  /** The layers that have a part of this directory, the topmost first. */
  readonly parts: readonly TreeLayer[];
}

/** Symbolic links that one path may lead through, as in Linux. */
const linksMax = 40;

/**
 * Files of a stack of layers, as a mount of them would show them. Nothing is mounted: builds can be
 * killed at any time, and mounts would stay. No path leads out of the tree.
 */
export class LayeredTree {
  readonly #root: TreeEntry;

  /** @param layers the topmost first; at least one. */
  constructor(layers: readonly TreeLayer[]) {
    const [top] = layers;
    if (top === undefined) throw new Error("a tree has at least one layer");
    const parts: TreeLayer[] = [];
    for (const layer of layers) {
      parts.push(layer);
      if (layer.opaque.has("")) break;
    }
    const hostPath = top.directory;
    this.#root = { names: [], hostPath, stats: lstatSync(hostPath), parts };
  }

  get root(): TreeEntry {
    return this.#root;
  }

  /**
   * The file at a path; undefined when there is none. Symbolic links on the way are followed.
   * @param followLast whether the last name is, too.
   * @throws {Error} for links that lead around in circles.
   */
  find(path: string, followLast: boolean): TreeEntry | undefined {
    const { entry, missing } = this.walk(path, followLast);
    return missing.length === 0 ? entry : undefined;
  }

  /**
   * Goes as far along a path as there are files. `missing` are the names after that, with which the
   * path goes on; `entry` is not a directory only if none are missing, or if the path leads through
   * a file.
   */
  walk(path: string, followLast: boolean): { entry: TreeEntry; missing: readonly string[] } {
    let entry = this.#root;
    const ancestors: TreeEntry[] = [];
    const left = path.split("/").filter((it) => it !== "" && it !== ".");
    let links = 0;
    for (;;) {
      const name = left.shift();
      if (name === undefined) return { entry, missing: [] };
      if (name === "..") {
        entry = ancestors.pop() ?? this.#root;
        continue;
      }
      const child = this.child(entry, name);
      if (child === undefined) return { entry, missing: pathNames([name, ...left].join("/")) };
      const isFollowed = child.stats.isSymbolicLink() && (left.length > 0 || followLast);
      if (!isFollowed) {
        ancestors.push(entry);
        entry = child;
        continue;
      }
      if (++links > linksMax) throw new Error(`too many symbolic links in /${path}`);
      const target = readlinkSync(child.hostPath);
      left.unshift(...target.split("/").filter((it) => it !== "" && it !== "."));
      if (target.startsWith("/")) {
        entry = this.#root;
        ancestors.length = 0;
      }
    }
  }

  /** Undefined when the directory has no such file. */
  child(directory: TreeEntry, name: string): TreeEntry | undefined {
    const names = [...directory.names, name];
    const path = names.join("/");
    let found: Omit<TreeEntry, "parts"> | undefined;
    const parts: TreeLayer[] = [];
    for (const layer of directory.parts) {
      const hostPath = `${layer.directory}/${path}`;
      const stats = lstatSync(hostPath, { throwIfNoEntry: false });
      if (stats === undefined) continue;
      if (isWhiteout(stats)) break;
      if (!stats.isDirectory()) {
        // A file below a directory is hidden by it.
        found ??= { names, hostPath, stats };
        break;
      }
      found ??= { names, hostPath, stats };
      parts.push(layer);
      if (layer.opaque.has(path)) break;
    }
    return found === undefined ? undefined : { ...found, parts };
  }

  /** The entries of a directory, in the order of their names' bytes. */
  list(directory: TreeEntry): TreeEntry[] {
    const names = new Set<string>();
    const path = directory.names.join("/");
    for (const layer of directory.parts) {
      for (const name of readdirSync(`${layer.directory}/${path}`)) names.add(name);
    }
    const sorted = [...names].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    return sorted.flatMap((name) => this.child(directory, name) ?? []);
  }
}

/** How overlayfs says that a file of a layer below is gone. */
function isWhiteout(stats: Stats): boolean {
  return stats.isCharacterDevice() && stats.rdev === 0;
}
