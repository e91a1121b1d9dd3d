import { execFile } from "node:child_process";
import { chmod, lstat, mkdir, open, rename, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { namesIn } from "./names-in.ts";

/** A PersistentVolume's name: no slash, no leading dot, no `..`. */
const volumeName = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
/** Leaves room for the prefix in the name of a file. */
const nameLengthMax = 240;
const outputBytesMax = 64 * 1024;
/** Of a directory on its way out; no volume's name begins with a dot. */
const endingPrefix = ".removing-";

/**
 * The directories of this node's local-path volumes, one below the other's reach: each is a child
 * of one root that containers never see. Every call may be repeated, after a crash too.
 */
export class LocalDirectories {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  /**
   * Makes the directory of a volume, writable by whatever user a pod runs as; leaves one that is
   * there. Resolves with its path. @throws {Error} for a name that is none, or where something else
   * than a directory has the name.
   */
  async create(name: string): Promise<string> {
    const path = this.#pathOf(name);
    await mkdir(this.#root, { recursive: true, mode: 0o711 });
    try {
      await mkdir(path, { mode: 0o777 });
    } catch (error) {
      if (!isCode(error, "EEXIST")) throw error;
      if (!(await lstat(path)).isDirectory()) {
        throw new Error(`${path} is not a directory; move it away`, { cause: error });
      }
      return path;
    }
    // Past the process's umask.
    await chmod(path, 0o777);
    // The volume that is created next must not outlive its directory in a crash of the machine.
    await syncDirectory(this.#root);
    return path;
  }

  /** Removes the directory and what is in it; success when there is none. @throws {Error} */
  async remove(name: string, signal: AbortSignal): Promise<void> {
    const path = this.#pathOf(name);
    const ending = join(this.#root, `${endingPrefix}${name}`);
    // What an earlier attempt left goes first, so that the name is free.
    await removeTree(ending, signal);
    try {
      await rename(path, ending);
    } catch (error) {
      if (isCode(error, "ENOENT")) return;
      throw error;
    }
    await removeTree(ending, signal);
  }

  /** Names of the volumes that have a directory. */
  async list(): Promise<readonly string[]> {
    return (await namesIn(this.#root)).filter((it) => volumeName.test(it));
  }

  /** Removes the directory if nothing is in it. */
  async removeEmpty(name: string): Promise<void> {
    try {
      await rmdir(this.#pathOf(name));
    } catch (error) {
      if (!isCode(error, "ENOENT") && !isCode(error, "ENOTEMPTY")) throw error;
    }
  }

  #pathOf(name: string): string {
    if (name.length > nameLengthMax || !volumeName.test(name))
      throw new Error(`${JSON.stringify(name)} is not a volume's name`);
    return join(this.#root, name);
  }
}

/**
 * By `rm`, which takes each step from an open directory: a process that still writes there cannot
 * lead it elsewhere by swapping links, and no depth is too much. Mounts in it are not entered.
 */
async function removeTree(path: string, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const args = ["-rf", "--one-file-system", "--", path];
    execFile("rm", args, { signal, maxBuffer: outputBytesMax }, (error, _out, stderr) => {
      if (error === null) resolve();
      else reject(new Error(`rm ${path}: ${stderr.trim().slice(0, 500)}`, { cause: error }));
    });
  });
}

async function syncDirectory(path: string): Promise<void> {
  await using handle = await open(path, "r");
  await handle.sync();
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
