import { createHash, randomUUID, type Hash } from "node:crypto";
import { closeSync, existsSync, fsyncSync, linkSync, openSync, rmSync, statSync } from "node:fs";
import { link, mkdir, open, readdir, stat, unlink, type FileHandle } from "node:fs/promises";
import { dirname, join } from "node:path";
import { isDigest, parseDigest, type DigestAlgorithm } from "#oci/digest.ts";
import { isFull } from "./catalog.ts";
import { DigestMismatchError, StoreFullError } from "./image-store.ts";
import { identityOf } from "./verified-read.ts";

/** Bytes gathered before they are written: system calls cost more than copies of this size. */
const chunkBytes = 1_048_576;

/** The files of a store: `blobs/sha256/<hex>` as in an OCI layout, and `ingest/` for what comes in. */
export class BlobFiles {
  readonly #directory: string;

  private constructor(directory: string) {
    this.#directory = directory;
  }

  static async open(directory: string): Promise<BlobFiles> {
    const files = new BlobFiles(directory);
    for (const name of ["blobs/sha256", "blobs/sha512", "ingest"]) {
      await mkdir(join(directory, name), { recursive: true, mode: 0o700 });
    }
    return files;
  }

  /** @throws {Error} for text that is no digest, so that no other path is ever made. */
  pathOf(digest: string): string {
    const parsed = parseDigest(digest);
    if (parsed === undefined) throw new Error(`'${digest}' is not a sha256 or sha512 digest`);
    return join(this.#directory, "blobs", parsed.algorithm, parsed.hex);
  }

  async ingest(algorithm: DigestAlgorithm): Promise<IngestFile> {
    const path = join(this.#directory, "ingest", randomUUID());
    try {
      return new IngestFile(await open(path, "wx+", 0o600), path, this.#directory, algorithm);
    } catch (cause) {
      throw fullOr(cause, this.#directory);
    }
  }

  /** Gives a finished file its blob's name, durably. The file keeps its own name too. */
  async publish(path: string, digest: string): Promise<void> {
    const target = this.pathOf(digest);
    try {
      await link(path, target);
      await using folder = await open(dirname(target), "r");
      await folder.sync();
    } catch (error) {
      if (!hasCode(error, "EEXIST")) throw fullOr(error, this.#directory);
    }
  }

  /** The same at once, for within a transaction: the collector may have taken it in between. */
  publishNow(path: string, digest: string): void {
    const target = this.pathOf(digest);
    if (existsSync(target)) return;
    linkSync(path, target);
    const folder = openSync(dirname(target), "r");
    try {
      fsyncSync(folder);
    } finally {
      closeSync(folder);
    }
  }

  /** Bytes that the file had; zero when there was none. */
  removeNow(digest: string): number {
    const path = this.pathOf(digest);
    const sizeBytes = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
    rmSync(path, { force: true });
    return sizeBytes;
  }

  /** See `identityOf`; undefined when there is no file. */
  identityNow(digest: string): string | undefined {
    const found = statSync(this.pathOf(digest), { throwIfNoEntry: false });
    return found === undefined ? undefined : identityOf(found);
  }

  /**
   * The same of a blob whose file is the one that was just written; undefined when that of an earlier
   * write has the name, which nobody has read since.
   */
  async identityOfIngested(path: string, digest: string): Promise<string | undefined> {
    const [written, named] = await Promise.all(
      [path, this.pathOf(digest)].map(async (it) => await stat(it).catch(() => undefined)),
    );
    if (written === undefined || written.ino !== named?.ino) return undefined;
    return identityOf(written);
  }

  /** Digests of all files, recorded or not. */
  async list(): Promise<string[]> {
    const digests: string[] = [];
    for (const algorithm of ["sha256", "sha512"]) {
      const names = await readdir(join(this.#directory, "blobs", algorithm));
      digests.push(...names.map((it) => `${algorithm}:${it}`).filter(isDigest));
    }
    return digests;
  }

  /** Removes files of writers that have died: those that nobody wrote to since `before`. */
  async removeStale(before: number): Promise<void> {
    const folder = join(this.#directory, "ingest");
    for (const name of await readdir(folder)) {
      const path = join(folder, name);
      const found = await stat(path).catch(() => undefined);
      if (found !== undefined && found.mtimeMs < before) await unlink(path).catch(() => undefined);
    }
  }
}

/** A file that a blob is written to, hashed as it comes. */
export class IngestFile implements AsyncDisposable {
  readonly path: string;
  readonly #file: FileHandle;
  readonly #directory: string;
  readonly #algorithm: DigestAlgorithm;
  readonly #hash: Hash;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #writtenBytes = 0;
  #isClosed = false;

  constructor(file: FileHandle, path: string, directory: string, algorithm: DigestAlgorithm) {
    this.#file = file;
    this.path = path;
    this.#directory = directory;
    this.#algorithm = algorithm;
    this.#hash = createHash(algorithm);
  }

  get sizeBytes(): number {
    return this.#writtenBytes + this.#waitingBytes;
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#hash.update(bytes);
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    if (this.#waitingBytes >= chunkBytes) await this.flush();
  }

  /** Hands what waits to the kernel. */
  async flush(): Promise<void> {
    const parts = this.#waiting;
    if (parts.length === 0) return;
    this.#waiting = [];
    try {
      await writeAll(this.#file, parts);
    } catch (cause) {
      throw fullOr(cause, this.#directory);
    }
    this.#writtenBytes += this.#waitingBytes;
    this.#waitingBytes = 0;
  }

  /**
   * Resolves with the digest when all of it is on disk.
   * @throws {DigestMismatchError} when it is not the expected one.
   */
  async finish(expected: string | undefined): Promise<string> {
    await this.flush();
    const wanted = expected === undefined ? undefined : parseDigest(expected);
    if (expected !== undefined && wanted === undefined) {
      throw new Error(`'${expected}' is not a sha256 or sha512 digest`);
    }
    const algorithm = wanted?.algorithm ?? this.#algorithm;
    const hex =
      algorithm === this.#algorithm
        ? this.#hash.copy().digest("hex")
        : await this.#rehash(algorithm);
    const digest = `${algorithm}:${hex}`;
    if (expected !== undefined && expected !== digest) {
      throw new DigestMismatchError(expected, digest);
    }
    try {
      await this.#file.sync();
    } catch (cause) {
      throw fullOr(cause, this.#directory);
    }
    return digest;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#file.close();
    await unlink(this.path).catch(() => undefined);
  }

  /** For an algorithm that was not known when the first bytes came. */
  async #rehash(algorithm: DigestAlgorithm): Promise<string> {
    const hash = createHash(algorithm);
    const buffer = Buffer.alloc(chunkBytes);
    let at = 0;
    while (at < this.#writtenBytes) {
      const { bytesRead } = await this.#file.read(buffer, 0, buffer.length, at);
      if (bytesRead === 0) break;
      hash.update(buffer.subarray(0, bytesRead));
      at += bytesRead;
    }
    return hash.digest("hex");
  }
}

/** `writev` may write less than it was given. */
async function writeAll(file: FileHandle, parts: readonly Uint8Array[]): Promise<void> {
  const total = parts.reduce((sum, it) => sum + it.length, 0);
  const { bytesWritten } = await file.writev(parts);
  if (bytesWritten === total) return;
  let rest = Buffer.concat(parts).subarray(bytesWritten);
  while (rest.length > 0) {
    const written = await file.write(rest);
    rest = rest.subarray(written.bytesWritten);
  }
}

function fullOr(error: unknown, directory: string): unknown {
  return isFull(error) ? new StoreFullError(directory, { cause: error }) : error;
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
