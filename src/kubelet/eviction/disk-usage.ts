import type { Dirent } from "node:fs";
import { lstat, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

export interface DiskUsage {
  /** Of blocks that are taken, as `du` counts. */
  readonly bytes: number;
  readonly inodes: number;
}

/** Entries that are counted at most; a tree with more is as large as its part that was seen. */
const entriesMax = 1_000_000;
const blockBytes = 512;

/** What a directory tree takes on its disk; nothing for one that is not there. */
export async function diskUsage(path: string, signal: AbortSignal): Promise<DiskUsage> {
  const linked = new Set<number>();
  let [bytes, inodes] = [0, 0];
  const open = [path];
  for (let next = open.pop(); next !== undefined && inodes < entriesMax; next = open.pop()) {
    signal.throwIfAborted();
    // What goes while it is counted does not count.
    const stat = await lstat(next).catch(() => undefined);
    if (stat === undefined || (stat.nlink > 1 && !stat.isDirectory() && linked.has(stat.ino))) {
      continue;
    }
    if (stat.nlink > 1) linked.add(stat.ino);
    bytes += stat.blocks * blockBytes;
    inodes += 1;
    if (!stat.isDirectory()) continue;
    const entries = await readdir(next, { withFileTypes: true }).catch((): Dirent[] => []);
    for (const entry of entries) open.push(join(next, entry.name));
  }
  return { bytes, inodes };
}

/**
 * The directory with what a container has written to its own file system: the upper one of its
 * overlay, as its first process sees it mounted. Undefined when it has none or has ended.
 */
export async function writableLayer(pid: number): Promise<string | undefined> {
  const text = await readFile(`/proc/${pid}/mountinfo`, "utf8").catch(() => "");
  return upperDirectory(text);
}

/** From the text of `/proc/<pid>/mountinfo`: of the overlay at the root. */
export function upperDirectory(mountinfo: string): string | undefined {
  for (const line of mountinfo.split("\n")) {
    const [before = "", after = ""] = line.split(" - ");
    if (before.split(" ")[4] !== "/" || !after.startsWith("overlay ")) continue;
    const options = after.split(" ").slice(2).join(" ").split(",");
    return options.find((it) => it.startsWith("upperdir="))?.slice("upperdir=".length);
  }
  return undefined;
}
