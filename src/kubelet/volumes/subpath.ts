import { constants } from "node:fs";
import { mkdir, open, realpath, stat, type FileHandle } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { checkedPath } from "./payload.ts";

/**
 * Opens `subPath` of the volume at `base` so that nothing, not even a container that changes links
 * meanwhile, leads out of the volume. A directory that is missing is made. The caller closes the
 * file; {@link descriptorPath} names it for a mount.
 * @throws {Error} when the path leaves the volume.
 * Upstream: `pkg/volume/util/subpath/subpath_linux.go`.
 */
export async function openSubPath(base: string, subPath: string): Promise<FileHandle> {
  const wanted = checkedPath(subPath);
  const root = await realpath(base);
  await makeBelow(root, wanted);
  const resolved = await realpath(join(root, wanted));
  const inside = relative(root, resolved);
  if (inside === ".." || inside.startsWith(`..${sep}`)) {
    throw new Error(`subPath "${subPath}" leads out of the volume`);
  }
  // The path held a moment ago. Now each step is taken from the open parent and follows no link.
  return await walk(root, inside === "" ? [] : inside.split(sep));
}

/** A name of the open file that other processes on the node can use while it is open. */
export function descriptorPath(handle: FileHandle): string {
  return `/proc/${process.pid}/fd/${handle.fd}`;
}

async function makeBelow(root: string, wanted: string): Promise<void> {
  const parts = wanted.split("/");
  for (let depth = 1; depth <= parts.length; depth += 1) {
    const path = join(root, ...parts.slice(0, depth));
    if ((await findReal(path)) !== undefined) continue;
    const parent = await realpath(join(root, ...parts.slice(0, depth - 1)));
    if (parent !== root && !parent.startsWith(`${root}${sep}`)) {
      throw new Error(`subPath "${wanted}" leads out of the volume`);
    }
    await mkdir(join(parent, parts[depth - 1] ?? ""), { mode: 0o750 });
  }
}

async function findReal(path: string): Promise<string | undefined> {
  try {
    return await realpath(path);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

async function walk(root: string, parts: readonly string[]): Promise<FileHandle> {
  let current = await open(root, constants.O_RDONLY | constants.O_DIRECTORY);
  for (const part of parts) {
    try {
      const next = `${descriptorPath(current)}/${part}`;
      const opened = await open(next, constants.O_RDONLY | constants.O_NOFOLLOW);
      await current.close();
      current = opened;
    } catch (error) {
      await current.close();
      throw new Error(`subPath: '${part}' changed while it was opened`, { cause: error });
    }
  }
  return current;
}

export async function isDirectory(handle: FileHandle): Promise<boolean> {
  return (await stat(descriptorPath(handle))).isDirectory();
}
