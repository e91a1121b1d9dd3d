import { lstat } from "node:fs/promises";
import { join } from "node:path";
import type { ChangedFiles } from "#cri/runtime.ts";
import { tarEntries } from "./tar-entries.ts";

/** As Docker's API has it: 0 changed, 1 added, 2 deleted. */
export interface FileChange {
  readonly Path: string;
  readonly Kind: 0 | 1 | 2;
}

const whiteoutPrefix = ".wh.";
/** Empty files that the runtime makes to mount the node's on. */
const mountPoints = new Set(["/etc/hostname", "/etc/hosts", "/etc/resolv.conf"]);
const changesMax = 1_000_000;

/** What a container has changed of its image's files, by path. */
export async function listChanges({
  layer,
  lowerDirectories,
}: ChangedFiles): Promise<readonly FileChange[]> {
  const found: FileChange[] = [];
  for await (const entry of tarEntries(layer)) {
    entry.resume();
    const path = join("/", entry.header.name).replace(/(.)\/$/, "$1");
    if (path === "/" || found.length >= changesMax) continue;
    if (entry.header.size === 0 && mountPoints.has(path)) continue;
    found.push(await changeOf(path, lowerDirectories));
  }
  return found.toSorted((a, b) => (a.Path < b.Path ? -1 : 1));
}

async function changeOf(path: string, lower: readonly string[]): Promise<FileChange> {
  const at = path.lastIndexOf("/") + 1;
  const name = path.slice(at);
  if (name.startsWith(whiteoutPrefix)) {
    return { Path: path.slice(0, at) + name.slice(whiteoutPrefix.length), Kind: 2 };
  }
  return { Path: path, Kind: (await isIn(lower, path)) ? 0 : 1 };
}

/** Only whether there is something of the name is asked, and nothing opened. */
async function isIn(lower: readonly string[], path: string): Promise<boolean> {
  for (const directory of lower) {
    const facts = await lstat(join(directory, path)).catch(() => undefined);
    // A character device 0:0 says that the file of the layers below is gone.
    if (facts !== undefined) return !(facts.isCharacterDevice() && facts.rdev === 0);
  }
  return false;
}
