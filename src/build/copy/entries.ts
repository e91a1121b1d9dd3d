import { createHash } from "node:crypto";
import type { Stats } from "node:fs";
import { readFiles } from "#build/archive/gnu-tar.ts";
import { hashed } from "#build/archive/hashed.ts";
import type { ModeChange } from "#build/stage/mode.ts";
import { plainEntry, toBytesText, type TarEntry } from "#build/tar/entry.ts";
import { readTar } from "#build/tar/read.ts";
import type { WriteEntry } from "#build/tar/write.ts";
import type { Identity } from "#oci/user.ts";
import type { ParentDirectory, PlacedFile } from "./place.ts";

/** What a COPY changes about the files it copies. */
export interface FileChanges {
  /** Undefined: files keep their owners. */
  readonly owner: Identity | undefined;
  readonly mode: ModeChange | undefined;
}

const directoryMode = 0o755;

/** Directories that are there stay as they are; new ones are the copied files' owner's. */
export function* parentEntries(
  parents: readonly ParentDirectory[],
  changes: FileChanges,
  now: number,
): Generator<WriteEntry, void, undefined> {
  for (const { target, stats } of parents) {
    const owner = stats ?? changes.owner ?? { uid: 0, gid: 0 };
    const created = changes.mode?.(directoryMode, true) ?? directoryMode;
    yield {
      entry: {
        ...plainEntry,
        kind: "directory",
        name: toBytesText(target),
        mode: stats === undefined ? created : stats.mode & 0o7777,
        uid: owner.uid,
        gid: owner.gid,
        mtime: stats === undefined ? now : Math.floor(stats.mtimeMs / 1000),
      },
    };
  }
}

/** The files with their new names, owners and modes. */
export async function* fileEntries(
  files: readonly PlacedFile[],
  changes: FileChanges,
  signal: AbortSignal,
): AsyncGenerator<WriteEntry, void, undefined> {
  if (files.length === 0) return;
  /** A file may be copied to several places. */
  const waiting = new Map<string, PlacedFile[]>();
  const targets = new Map<string, string>();
  for (const file of files) {
    const key = toBytesText(file.hostPath);
    waiting.set(key, [...(waiting.get(key) ?? []), file]);
  }
  const paths = files.map((it) => it.hostPath);
  const archive = readTar(readFiles({ directory: "/", paths }, signal));
  for await (const { entry, content } of archive) {
    const file = waiting.get(entry.name)?.shift();
    if (file === undefined) throw new Error(`'${entry.name}' was not asked for`);
    const name = toBytesText(file.target);
    if (!targets.has(entry.name)) targets.set(entry.name, name);
    const linkName = entry.kind === "link" ? (targets.get(entry.linkName) ?? "") : entry.linkName;
    yield { entry: changeEntry({ ...entry, name, linkName }, changes), content };
  }
}

export function changeEntry(entry: TarEntry, changes: FileChanges): TarEntry {
  const isSymlink = entry.kind === "symlink";
  const { mode, owner } = changes;
  return {
    ...entry,
    ...(owner === undefined ? {} : owner),
    mode:
      mode === undefined || isSymlink ? entry.mode : mode(entry.mode, entry.kind === "directory"),
  };
}

/**
 * Passes entries on and computes what they are together, but for times: the same files copied again
 * are the same, whenever they were written.
 */
export class ContentDigest {
  readonly #hash = createHash("sha256");
  bytes = 0;

  async *through(
    entries: AsyncIterable<WriteEntry> | Iterable<WriteEntry>,
  ): AsyncGenerator<WriteEntry, void, undefined> {
    for await (const { entry, content } of entries) {
      const timeless = { ...entry, mtime: 0, xattrs: [...entry.xattrs].sort() };
      this.#hash.update(JSON.stringify(timeless));
      this.bytes += entry.size;
      yield content === undefined ? { entry } : { entry, content: hashed(content, this.#hash) };
    }
  }

  digest(): string {
    return this.#hash.copy().digest("hex");
  }
}

/** Files that changed so short ago may change again within the same tick of the file system. */
const settledMs = 2_000;

/**
 * What files look like without reading them; undefined when some changed just now, and the look
 * cannot be trusted. @param nowMs by the machine's clock, as files' times are.
 */
export function fingerprint(files: readonly PlacedFile[], nowMs: number): string | undefined {
  const hash = createHash("sha256");
  for (const { target, hostPath, stats } of files) {
    if (stats.ctimeMs > nowMs - settledMs) return undefined;
    hash.update(JSON.stringify([target, hostPath, identityOf(stats)]));
  }
  return hash.digest("hex");
}

function identityOf(stats: Stats): readonly number[] {
  const { ino, dev, size, mtimeMs, ctimeMs, mode, uid, gid } = stats;
  return [ino, dev, size, mtimeMs, ctimeMs, mode, uid, gid];
}
