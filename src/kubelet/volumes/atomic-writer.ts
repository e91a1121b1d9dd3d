import {
  chmod,
  chown,
  lstat,
  mkdir,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  symlink,
  writeFile,
} from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Payload } from "./payload.ts";

/** The link through which all files of a volume are seen; swapping it changes them all at once. */
const dataLink = "..data";

export interface WriteOptions {
  /** Owner group of directories and files; undefined leaves root's. */
  readonly gid: number | undefined;
  /** Makes the name of the new data directory; must not repeat. */
  readonly uniqueName: () => string;
}

/**
 * Makes `directory` show exactly the payload, all files changing at one moment. Does nothing when
 * it shows it already. The layout is a contract with programs that watch for changes:
 * `file -> ..data/file`, `..data -> ..<name>` (upstream: `pkg/volume/util/atomic_writer.go`).
 */
export async function writePayload(
  directory: string,
  payload: Payload,
  options: WriteOptions,
): Promise<"written" | "unchanged"> {
  const current = await currentTarget(directory);
  if (current !== undefined && (await shows(join(directory, current), payload))) {
    await linkVisible(directory, payload);
    return "unchanged";
  }
  const next = `..${options.uniqueName()}`;
  const nextDirectory = join(directory, next);
  await writeFiles(nextDirectory, payload, options.gid);
  const temporary = join(directory, `${dataLink}_tmp`);
  await rm(temporary, { force: true });
  await symlink(next, temporary);
  await rename(temporary, join(directory, dataLink));
  await linkVisible(directory, payload);
  if (current !== undefined) await rm(join(directory, current), { recursive: true, force: true });
  return "written";
}

async function currentTarget(directory: string): Promise<string | undefined> {
  try {
    return await readlink(join(directory, dataLink));
  } catch {
    return undefined; // Nothing was written yet.
  }
}

async function shows(directory: string, payload: Payload): Promise<boolean> {
  try {
    const entries = await readdir(directory, { recursive: true, withFileTypes: true });
    const files = entries.filter((it) => it.isFile());
    if (files.length !== payload.size) return false;
    for (const [path, { content, mode }] of payload) {
      const full = join(directory, path);
      if (((await lstat(full)).mode & 0o777) !== mode) return false;
      if (!(await readFile(full)).equals(content)) return false;
    }
    return true;
  } catch {
    return false; // Half written, or removed: it is written anew.
  }
}

async function writeFiles(
  directory: string,
  payload: Payload,
  gid: number | undefined,
): Promise<void> {
  await makeDirectory(directory, gid);
  for (const [path, { content, mode, uid }] of payload) {
    const full = join(directory, path);
    const parts = dirname(path) === "." ? [] : dirname(path).split("/");
    for (let depth = 1; depth <= parts.length; depth += 1) {
      await makeDirectory(join(directory, ...parts.slice(0, depth)), gid);
    }
    await writeFile(full, content);
    if (gid !== undefined || uid !== undefined) await chown(full, uid ?? 0, gid ?? 0);
    // After chown, which clears bits, and past the process's umask.
    await chmod(full, mode);
  }
}

async function makeDirectory(directory: string, gid: number | undefined): Promise<void> {
  await mkdir(directory, { recursive: true });
  if (gid !== undefined) await chown(directory, 0, gid);
  await chmod(directory, gid === undefined ? 0o755 : 0o2775);
}

/** One link for each first part of a path; links that no file needs any more go. */
async function linkVisible(directory: string, payload: Payload): Promise<void> {
  const wanted = new Set([...payload.keys()].map((it) => it.split("/")[0] ?? it));
  for (const name of await readdir(directory)) {
    if (name.startsWith("..")) continue;
    if (!wanted.delete(name)) await rm(join(directory, name), { recursive: true, force: true });
  }
  for (const name of wanted) await symlink(join(dataLink, name), join(directory, name));
}
