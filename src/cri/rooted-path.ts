import { constants } from "node:fs";
import { open, readlink, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { hasCode, isGone } from "./procfs.ts";

/** As Linux has it: more links in one path are a circle. */
const linksMax = 40;
const directoryFlags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/** What a path means below a root. Dispose it. */
export interface RootedPath extends AsyncDisposable {
  /** The directory itself, or the one that the name is in. */
  readonly directory: FileHandle;
  /** Undefined: the directory is meant. What is called so may be a link, or not be there. */
  readonly name: string | undefined;
  /** The directory is the root. */
  readonly isRoot: boolean;
  /** A path of this process for what is meant. What it names may be replaced by a link at any time. */
  readonly path: string;
}

/**
 * Walks a path as a process whose root is `root` would. Each step is taken from an open directory and
 * follows no link by itself, so that whoever changes the files meanwhile cannot lead us out of it.
 * @param options.followLast the last step is taken, too, and a link there followed; else only when the
 * path ends with a slash.
 * @throws {Error} with code ENOENT for a directory on the way that is not there, ENOTDIR, ELOOP.
 */
export async function openRooted(
  root: FileHandle,
  path: string,
  options: { readonly followLast: boolean },
): Promise<RootedPath> {
  const walk = new Walk(root);
  try {
    const name = await walk.along(path, options.followLast);
    return walk.result(name);
  } catch (error) {
    await walk.close();
    throw error;
  }
}

/** Opens a directory to be the root of walks. The last step may be a link, such as of `/proc`. */
export async function openRoot(path: string): Promise<FileHandle> {
  return await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
}

/**
 * The text of a regular file, with links followed; undefined where there is none.
 * @throws {Error} for one that is larger than `bytesMax`.
 */
export async function readRootedText(
  root: FileHandle,
  path: string,
  bytesMax: number,
): Promise<string | undefined> {
  try {
    await using at = await openRooted(root, path, { followLast: true });
    if (at.name === undefined) return undefined;
    // Neither a link that has come meanwhile is followed, nor a pipe waited for.
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
    await using file = await open(at.path, flags);
    const facts = await file.stat();
    if (!facts.isFile()) return undefined;
    if (facts.size > bytesMax) throw new Error(`${path} has more than ${bytesMax} bytes`);
    return await file.readFile("utf8");
  } catch (error) {
    if (isGone(error) || hasCode(error, "ENOTDIR") || hasCode(error, "ELOOP")) return undefined;
    throw error;
  }
}

/** The path of an entry of an open directory. */
export function entryPath(directory: FileHandle, name: string): string {
  return `/proc/self/fd/${directory.fd}/${name}`;
}

class Walk {
  readonly #root: FileHandle;
  readonly #below: FileHandle[] = [];
  #links = 0;

  constructor(root: FileHandle) {
    this.#root = root;
  }

  async along(path: string, followLast: boolean): Promise<string | undefined> {
    const steps = stepsOf(path);
    // A slash at the end means a directory, and so follows a link.
    const follows = followLast || /\/\.?$/.test(path);
    for (let step = steps.shift(); step !== undefined; step = steps.shift()) {
      if (step === "..") {
        await this.#below.pop()?.close();
        continue;
      }
      const isLast = steps.length === 0;
      if (isLast && !follows) return step;
      const found = await this.#enter(step);
      if (found.kind === "entered") continue;
      if (found.kind === "link") {
        if (found.target.startsWith("/")) await this.close();
        steps.unshift(...stepsOf(found.target));
        continue;
      }
      if (isLast) return step;
      throw fault(found.code, path);
    }
    return undefined;
  }

  async #enter(
    step: string,
  ): Promise<
    | { readonly kind: "entered" }
    | { readonly kind: "link"; readonly target: string }
    | { readonly kind: "other"; readonly code: "ENOENT" | "ENOTDIR" }
  > {
    const path = entryPath(this.#top, step);
    try {
      this.#below.push(await open(path, directoryFlags));
      return { kind: "entered" };
    } catch (error) {
      if (isGone(error)) return { kind: "other", code: "ENOENT" };
      if (!hasCode(error, "ENOTDIR") && !hasCode(error, "ELOOP")) throw error;
    }
    const target = await readlink(path).catch(() => undefined);
    if (target === undefined) return { kind: "other", code: "ENOTDIR" };
    this.#links += 1;
    if (this.#links > linksMax) throw fault("ELOOP", step);
    return { kind: "link", target };
  }

  result(name: string | undefined): RootedPath {
    const directory = this.#top;
    return {
      directory,
      name,
      isRoot: name === undefined && this.#below.length === 0,
      path: entryPath(directory, name ?? "."),
      [Symbol.asyncDispose]: () => this.close(),
    };
  }

  async close(): Promise<void> {
    for (const it of this.#below.splice(0)) await it.close();
  }

  get #top(): FileHandle {
    return this.#below.at(-1) ?? this.#root;
  }
}

function stepsOf(path: string): string[] {
  return path.split("/").filter((it) => it !== "" && it !== ".");
}

const reasons = {
  ENOENT: "no such file or directory",
  ENOTDIR: "not a directory",
  ELOOP: "too many levels of symbolic links",
} as const;

function fault(code: keyof typeof reasons, path: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${join("/", path)}: ${reasons[code]}`), { code });
}
