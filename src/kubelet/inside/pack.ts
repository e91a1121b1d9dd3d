import { spawn } from "node:child_process";
import { once } from "node:events";
import { lstat, type FileHandle } from "node:fs/promises";
import { openRooted } from "#cri/rooted-path.ts";

/** What is at a path of a container. */
export interface PathFacts {
  readonly kind: "directory" | "file" | "link" | "other";
  /** How `pack` calls it: its last step, or "." for a directory that was entered. */
  readonly name: string;
}

/** @throws {Error} with code ENOENT where there is nothing. */
export async function statPath(
  root: FileHandle,
  path: string,
  options: { readonly followLast: boolean },
): Promise<PathFacts> {
  await using at = await openRooted(root, path, options);
  if (at.name === undefined) return { kind: "directory", name: "." };
  const facts = await lstat(at.path);
  const { name } = at;
  if (facts.isDirectory()) return { kind: "directory", name };
  if (facts.isSymbolicLink()) return { kind: "link", name };
  return { kind: facts.isFile() ? "file" : "other", name };
}

/** Of the machine, not of the container. */
const systemDirectories = ["./proc", "./sys", "./dev"];
const errorBytesMax = 4_096;

/**
 * A tar of what is at a path of a container, by the node's own tar: the container needs none. tar
 * begins in an open directory and follows no links, so that what the container changes meanwhile
 * cannot lead it elsewhere. @throws {Error} with what tar says.
 */
export async function* packPath(
  root: FileHandle,
  path: string,
  options: {
    readonly followLast: boolean;
    /** Without what volumes and the machine have mounted there. */
    readonly ownOnly?: boolean;
  },
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  await using at = await openRooted(root, path, options);
  const left = at.isRoot ? systemDirectories.map((it) => `--exclude=${it}`) : [];
  const bounds = options.ownOnly === true ? ["--one-file-system"] : left;
  const flags = ["--numeric-owner", "--anchored", ...bounds, "-C", "/proc/self/fd/3"];
  const tar = spawn("tar", ["-cf", "-", ...flags, "--", at.name ?? "."], {
    stdio: ["ignore", "pipe", "pipe", at.directory.fd],
    signal,
  });
  let said = "";
  tar.stderr?.on("data", (chunk: Buffer) => {
    if (said.length < errorBytesMax) said += chunk.toString();
  });
  const ended = once(tar, "close") as Promise<[number | null]>;
  ended.catch(() => undefined);
  if (tar.stdout !== null) for await (const chunk of tar.stdout) yield chunk as Uint8Array;
  const [code] = await ended;
  // 1: files changed while they were read, as those of a running container may.
  if (code !== 0 && code !== 1) throw new Error(said.trim() === "" ? `tar: ${code}` : said.trim());
}
