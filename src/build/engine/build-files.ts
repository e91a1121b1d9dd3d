import { createHash } from "node:crypto";
import { createReadStream, createWriteStream, statSync } from "node:fs";
import { open } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { makeFiles } from "#build/archive/gnu-tar.ts";
import { compressionOf, decompress, isTar } from "#build/archive/decompress.ts";
import { SafeNames } from "#build/archive/safe-names.ts";
import type { StepRecord } from "#build/cache/step-cache.ts";
import { stepKey, type StepKey } from "#build/cache/key.ts";
import { changeEntry, ContentDigest, type FileChanges } from "#build/copy/entries.ts";
import { joinPath } from "#build/layer/whiteouts.ts";
import { plainEntry, toBytesText } from "#build/tar/entry.ts";
import { readTar } from "#build/tar/read.ts";
import { writeTar, type WriteEntry } from "#build/tar/write.ts";
import type { BuildWorld } from "./world.ts";

/** What a step has made, and whether it had made the same before. */
export interface StepResult {
  readonly record: StepRecord;
  readonly cached: boolean;
  /** The key it is looked for under; undefined when that is the record's own. */
  readonly foundUnder?: StepKey | undefined;
}

/** Bytes that one archive of ADD may unpack to. */
const archiveBytesMax = 64 * 2 ** 30;
/** Bytes that one download of ADD may have. */
const downloadBytesMax = 16 * 2 ** 30;
/** As much of a file as says what it is. */
const headBytes = 512;

/**
 * Makes a step's files of entries. Its key is what they hold: the same files are the same step.
 * @throws {Error}
 */
export async function recordFiles(
  entries: AsyncIterable<WriteEntry>,
  title: string,
  world: BuildWorld,
  signal: AbortSignal,
): Promise<StepResult> {
  const directory = world.session.newDirectory("files");
  const digest = new ContentDigest();
  await makeFiles(directory, writeTar(digest.through(entries)), signal);
  const key = stepKey("files", digest.digest());
  const { cache, session } = world;
  await world.bringStep(key, signal);
  const cached = cache.find(key, session) !== undefined;
  const step = { key, title, opaque: [], sizeBytes: digest.bytes };
  return { record: cache.add(step, directory, session), cached };
}

/** A file with content from memory. */
export function inlineEntry(
  target: string,
  content: string | Buffer,
  changes: FileChanges,
  mtime: number,
): WriteEntry {
  const bytes = typeof content === "string" ? Buffer.from(content, "utf8") : content;
  const entry = { ...plainEntry, name: toBytesText(target), size: bytes.length, mtime };
  return { entry: changeEntry(entry, changes), content: [bytes] };
}

/** A file of this machine under another name. */
export function hostFileEntry(
  hostPath: string,
  target: string,
  changes: FileChanges,
  look: { readonly mode: number; readonly mtime: number },
): WriteEntry {
  const { size } = statSync(hostPath);
  const entry = { ...plainEntry, ...look, name: toBytesText(target), size };
  return {
    entry: changeEntry(entry, changes),
    content: createReadStream(hostPath) as AsyncIterable<Uint8Array>,
  };
}

/** Whether a file is a tar archive, compressed or not: what ADD unpacks. */
export async function isArchive(hostPath: string, signal: AbortSignal): Promise<boolean> {
  const file = await open(hostPath, "r");
  let start: Buffer;
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(headBytes), 0, headBytes, 0);
    start = buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
  const compression = compressionOf(start);
  if (compression === "none") return isTar(start);
  try {
    const stop = new AbortController();
    const source = createReadStream(hostPath);
    let head = Buffer.alloc(0);
    try {
      const content = decompress(source, compression, AbortSignal.any([signal, stop.signal]));
      for await (const chunk of content) {
        head = Buffer.concat([head, chunk]);
        if (head.length >= headBytes) break;
      }
    } finally {
      source.destroy();
      stop.abort();
    }
    return isTar(head);
  } catch {
    // Compressed in its beginning, and no archive.
    return false;
  }
}

/** The entries of an archive below a directory of the image; none gets outside of it. */
export async function* archiveEntries(
  hostPath: string,
  directory: string,
  changes: FileChanges,
  signal: AbortSignal,
): AsyncGenerator<WriteEntry, void, undefined> {
  const compression = compressionOf(await headOf(hostPath));
  const names = new SafeNames();
  const into = toBytesText(directory);
  let total = 0;
  const archive = readTar(decompress(createReadStream(hostPath), compression, signal));
  for await (const { entry, content } of archive) {
    const path = names.place(entry.name);
    if (path === "") continue;
    if (entry.kind === "symlink") names.addLink(path, entry.linkName);
    total += entry.size;
    if (total > archiveBytesMax) {
      throw new Error(
        `the archive unpacks to more than ${archiveBytesMax} bytes, which is the bound`,
      );
    }
    const linkName =
      entry.kind === "link" ? joinPath(into, names.place(entry.linkName)) : entry.linkName;
    const placed = {
      ...entry,
      name: joinPath(into, path),
      linkName,
      xattrs: userAttributes(entry.xattrs),
    };
    yield { entry: changeEntry(placed, { ...changes, mode: undefined }), content };
  }
}

async function headOf(hostPath: string): Promise<Buffer> {
  const file = await open(hostPath, "r");
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(headBytes), 0, headBytes, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

function userAttributes(xattrs: ReadonlyMap<string, string>): Map<string, string> {
  return new Map([...xattrs].filter(([name]) => !name.startsWith("trusted.")));
}

/**
 * Downloads a file of ADD into the session.
 * @param checksum `sha256:…`; empty for any content.
 * @throws {Error} when it has another one.
 */
export async function downloadFile(
  url: string,
  checksum: string,
  world: BuildWorld,
  signal: AbortSignal,
): Promise<{ readonly hostPath: string; readonly mtime: number }> {
  const { content, lastModified } = await world.download(url, signal);
  const hostPath = world.session.newPath("download");
  const algorithm = /^(sha256|sha384|sha512):/.exec(checksum)?.[1] ?? "sha256";
  const hash = createHash(algorithm);
  let bytes = 0;
  async function* through(): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const chunk of content) {
      bytes += chunk.length;
      if (bytes > downloadBytesMax) {
        throw new Error(`${url} has more than ${downloadBytesMax} bytes, which is the bound`);
      }
      hash.update(chunk);
      yield chunk;
    }
  }
  await pipeline(through(), createWriteStream(hostPath), { signal });
  const found = `${algorithm}:${hash.digest("hex")}`;
  if (checksum !== "" && found !== checksum) {
    throw new Error(`digest mismatch ${found}: expected ${checksum} for ${url}`);
  }
  return { hostPath, mtime: Math.floor((lastModified ?? 0) / 1000) };
}
