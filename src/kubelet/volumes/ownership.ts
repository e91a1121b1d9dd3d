import { constants, type Stats } from "node:fs";
import { lchown, lstat, open, readdir, type FileHandle } from "node:fs/promises";
import { descriptorPath } from "./subpath.ts";

/** Group may read and write; directories are entered, and what is made in them is the group's. */
const fileBits = 0o660;
const directoryBits = 0o2110;

export interface Ownership {
  readonly gid: number;
  /** `Always` (also when undefined), or `OnRootMismatch`: skip when the top is right. */
  readonly policy: string | undefined;
}

/**
 * Makes everything below `root` belong to the pod's fsGroup. Each step is taken from an open
 * directory and follows no link, so that a container that writes there meanwhile cannot turn it
 * against the node. Upstream: `pkg/volume/volume_linux.go`, SetVolumeOwnership.
 */
export async function setOwnership(
  root: string,
  { gid, policy }: Ownership,
  signal: AbortSignal,
): Promise<void> {
  await using top = await open(root, constants.O_RDONLY | constants.O_DIRECTORY);
  const stats = await top.stat();
  if (policy === "OnRootMismatch" && isRight(stats, gid)) return;
  await below(top, gid, signal);
  // Last: a walk that broke off is repeated from the start.
  await own(top, gid);
}

function isRight(stats: Stats, gid: number): boolean {
  const bits = fileBits | directoryBits;
  return stats.gid === gid && (stats.mode & bits) === bits;
}

async function below(directory: FileHandle, gid: number, signal: AbortSignal): Promise<void> {
  const path = descriptorPath(directory);
  for (const entry of await readdir(path, { withFileTypes: true })) {
    signal.throwIfAborted();
    const name = `${path}/${entry.name}`;
    if (entry.isDirectory()) {
      await using child = await openSafely(name, constants.O_DIRECTORY);
      if (child === undefined) continue;
      await below(child, gid, signal);
      await own(child, gid);
    } else if (entry.isFile()) {
      await using file = await openSafely(name, constants.O_NONBLOCK);
      if (file !== undefined) await own(file, gid);
    } else {
      await ownLink(name, gid);
    }
  }
}

async function own(handle: FileHandle, gid: number): Promise<void> {
  const { uid, mode } = await handle.stat();
  const isDirectory = (mode & constants.S_IFMT) === constants.S_IFDIR;
  await handle.chown(uid, gid);
  // After chown, which clears bits.
  await handle.chmod((mode & 0o7777) | fileBits | (isDirectory ? directoryBits : 0));
}

/** Links, pipes and the like: the group alone, and never what a link points at. */
async function ownLink(path: string, gid: number): Promise<void> {
  try {
    const { uid } = await lstat(path);
    await lchown(path, uid, gid);
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}

/** Undefined: removed, or replaced by a link, since it was listed. */
async function openSafely(path: string, flags: number): Promise<FileHandle | undefined> {
  try {
    return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | flags);
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

const gone = new Set(["ENOENT", "ELOOP", "ENOTDIR", "ENXIO"]);

function isGone(error: unknown): boolean {
  return error instanceof Error && "code" in error && gone.has(String(error.code));
}
