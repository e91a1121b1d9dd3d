import { constants } from "node:fs";
import { mkdir, open, realpath, stat, type FileHandle } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { checkedPath } from "./payload.ts";

/** `O_PATH`, which Node does not name: the file is held, not opened; pipes and devices stay still. */
const holdOnly = 0o10000000;

/**
 * Opens `subPath` of the volume at `base` so that nothing, not even a container that changes links
 * meanwhile, leads out of the volume. Directories that are missing are made, as open as the volume
 * itself. The caller closes the file; {@link descriptorPath} names it for a mount.
 * @throws {Error} when the path leaves the volume.
 * Upstream: `pkg/volume/util/subpath/subpath_linux.go`.
 */
export async function openSubPath(base: string, subPath: string): Promise<FileHandle> {
  const wanted = checkedPath(subPath);
  const root = await realpath(base);
  const { there, missing } = await existingPart(root, wanted.split("/"));
  const inside = relative(root, there);
  if (inside === ".." || inside.startsWith(`..${sep}`)) {
    throw new Error(`subPath "${subPath}" leads out of the volume`);
  }
  // The path held a moment ago. Now each step is taken from the open parent and follows no link.
  const parent = await walk(await hold(root), inside === "" ? [] : inside.split(sep));
  if (missing.length === 0) return parent;
  const { mode } = await stat(root);
  return await make(parent, missing, mode & 0o7777);
}

/** A name of the open file that other processes on the node can use while it is open. */
export function descriptorPath(handle: FileHandle): string {
  return `/proc/${process.pid}/fd/${handle.fd}`;
}

/** As much of the path as exists, without links, and the parts that are to be made. */
async function existingPart(
  root: string,
  parts: readonly string[],
): Promise<{ readonly there: string; readonly missing: readonly string[] }> {
  for (let depth = parts.length; depth > 0; depth -= 1) {
    const there = await findReal(join(root, ...parts.slice(0, depth)));
    if (there !== undefined) return { there, missing: parts.slice(depth) };
  }
  return { there: root, missing: parts };
}

async function findReal(path: string): Promise<string | undefined> {
  try {
    return await realpath(path);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

async function walk(from: FileHandle, parts: readonly string[]): Promise<FileHandle> {
  let current = from;
  for (const part of parts) current = await step(current, part);
  return current;
}

async function make(from: FileHandle, parts: readonly string[], mode: number): Promise<FileHandle> {
  let current = from;
  for (const part of parts) {
    const isNew = await makeOne(current, part);
    current = await step(current, part);
    // Past the process's umask. A directory of ours is no link, so the name is safe.
    if (isNew) await chmodHeld(current, mode);
  }
  return current;
}

async function makeOne(parent: FileHandle, part: string): Promise<boolean> {
  try {
    await mkdir(`${descriptorPath(parent)}/${part}`, { mode: 0o700 });
    return true;
  } catch (error) {
    // Somebody was faster, or a link is in the way, which the next step refuses.
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    await parent.close();
    throw error;
  }
}

/** By a file of its own: one that is only held cannot be changed. */
async function chmodHeld(held: FileHandle, mode: number): Promise<void> {
  await using handle = await open(descriptorPath(held), constants.O_RDONLY | constants.O_DIRECTORY);
  await handle.chmod(mode);
}

/** The part below `current`, which is closed. @throws {Error} when it is a link. */
async function step(current: FileHandle, part: string): Promise<FileHandle> {
  try {
    const next = await hold(`${descriptorPath(current)}/${part}`);
    if ((await next.stat()).isSymbolicLink()) {
      await next.close();
      throw new Error("it is a link");
    }
    return next;
  } catch (error) {
    throw new Error(`subPath: '${part}' changed while it was opened`, { cause: error });
  } finally {
    await current.close();
  }
}

async function hold(path: string): Promise<FileHandle> {
  return await open(path, holdOnly | constants.O_NOFOLLOW);
}

export async function isDirectory(handle: FileHandle): Promise<boolean> {
  return (await handle.stat()).isDirectory();
}
