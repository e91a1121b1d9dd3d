import { constants } from "node:fs";
import {
  link,
  lstat,
  mkdir,
  open,
  rm,
  symlink,
  lchown,
  lutimes,
  type FileHandle,
} from "node:fs/promises";
import { posix } from "node:path";
import { openRooted, type RootedPath } from "#cri/rooted-path.ts";
import { isGone } from "#cri/procfs.ts";
import { tarEntries, type TarEntry } from "./tar-entries.ts";

export interface UnpackOptions {
  /** The directory of the container that the names of the tar are below. */
  readonly path: string;
  /** Numbers of the tar's users and groups; else everything is root's, as Docker's `cp` does. */
  readonly keepOwners: boolean;
}

const modeBits = 0o7777;
/** Directories get their times at the end; a tar with more of them leaves those of the later ones. */
const datedMax = 100_000;

/**
 * Unpacks a tar into a container. Every step of every name is taken below the container's root, so
 * that neither the tar nor what the container changes meanwhile leads out of it.
 * @throws {Error} for what cannot be made there.
 */
export async function unpackInto(
  root: FileHandle,
  tar: AsyncIterable<Uint8Array>,
  options: UnpackOptions,
): Promise<void> {
  const directories: { readonly path: string; readonly time: Date }[] = [];
  for await (const entry of tarEntries(tar)) {
    const path = pathOf(options.path, entry.header.name);
    await make(root, path, entry, options);
    if (entry.header.type !== "directory") continue;
    const time = entry.header.mtime;
    if (directories.length < datedMax) directories.push({ path, time });
  }
  for (const { path, time } of directories.toReversed()) {
    await using at = await openRooted(root, path, { followLast: true });
    if (at.name === undefined) await at.directory.utimes(time, time);
  }
}

/** @throws {Error} for a name with `..`. */
function pathOf(base: string, name: string): string {
  if (name.split("/").includes("..")) throw new Error(`"${name}" of the tar leads upwards`);
  return posix.join("/", base, name).replace(/(.)\/+$/, "$1");
}

async function make(
  root: FileHandle,
  path: string,
  entry: TarEntry,
  options: UnpackOptions,
): Promise<void> {
  const { header } = entry;
  // A link on the way is followed, as the container itself would; its last step is replaced.
  await using at = await openRooted(root, path, { followLast: false });
  const target = await replaceable(at, header.type === "directory", path);
  const owner = options.keepOwners ? { uid: header.uid, gid: header.gid } : { uid: 0, gid: 0 };
  const mode = header.mode & modeBits;
  const time = header.mtime;
  switch (header.type) {
    case "directory":
      await makeDirectory(at, target, { ...owner, mode });
      entry.resume();
      return;
    case "file":
    case "contiguous-file":
      await makeFile(at.path, entry, { ...owner, mode, time });
      return;
    case "symlink":
      await symlink(header.linkname, at.path);
      await lchown(at.path, owner.uid, owner.gid);
      await lutimes(at.path, time, time);
      entry.resume();
      return;
    case "link": {
      const first = pathOf(options.path, header.linkname);
      await using other = await openRooted(root, first, { followLast: false });
      await link(other.path, at.path);
      entry.resume();
      return;
    }
    case "block-device":
    case "character-device":
    case "fifo":
      throw new Error(`${path}: ${header.type} cannot be copied into a container`);
  }
}

/** What is there goes, unless it is a directory for a directory. */
async function replaceable(
  at: RootedPath,
  isDirectory: boolean,
  path: string,
): Promise<"there" | "free"> {
  if (at.name === undefined) return "there";
  let found;
  try {
    found = await lstat(at.path);
  } catch (error) {
    if (isGone(error)) return "free";
    throw error;
  }
  if (found.isDirectory()) {
    if (isDirectory) return "there";
    throw new Error(`cannot overwrite directory "${path}" with non-directory`);
  }
  if (isDirectory && !found.isSymbolicLink()) {
    throw new Error(`cannot overwrite non-directory "${path}" with directory`);
  }
  await rm(at.path);
  return "free";
}

interface Attributes {
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
}

async function makeDirectory(
  at: RootedPath,
  target: "there" | "free",
  { uid, gid, mode }: Attributes,
): Promise<void> {
  // What is there already keeps its owner and its mode if it is where the tar begins.
  if (at.name === undefined) return;
  if (target === "free") await mkdir(at.path, { mode: 0o700 });
  const flags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
  await using handle = await open(at.path, flags);
  await handle.chown(uid, gid);
  await handle.chmod(mode);
}

async function makeFile(
  path: string,
  content: AsyncIterable<unknown>,
  { uid, gid, mode, time }: Attributes & { readonly time: Date },
): Promise<void> {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  await using handle = await open(path, flags, 0o600);
  for await (const chunk of content) await writeWhole(handle, chunk as Uint8Array);
  await handle.chown(uid, gid);
  await handle.chmod(mode);
  await handle.utimes(time, time);
}

async function writeWhole(handle: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let done = 0; done < chunk.length;) {
    done += (await handle.write(chunk, done)).bytesWritten;
  }
}
