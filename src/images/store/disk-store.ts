import type { Readable } from "node:stream";
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { Descriptor } from "#oci/manifest.ts";
import { isDigest, parseDigest } from "#oci/digest.ts";
import type { BlobFiles } from "./blob-files.ts";
import type { Catalog } from "./catalog.ts";
import { collectGarbage } from "./collect.ts";
import {
  DamagedBlobError,
  graceMs,
  type BlobStat,
  type BlobWriter,
  type ByteRange,
  type Collected,
  type CollectOptions,
  type ImageAt,
  type ImageStore,
  type Lease,
  type Page,
  type PutManifest,
  type StoredManifest,
  type TagRecord,
  type WriteOptions,
} from "./image-store.ts";
import { Leases } from "./leases.ts";
import {
  checkRepository,
  checkTag,
  copyManifest,
  findManifest,
  linkBlob,
  prepareManifest,
  recordManifest,
  removeManifest,
  tagsOf,
} from "./manifests.ts";
import { keys, lastPart } from "./records.ts";
import { VerifiedReader } from "./verified-read.ts";

/** Manifests in memory: those that are pulled again and again. */
const manifestCacheBytesMax = 16 * 1_048_576;
/** A blob that was found is marked so at most so often. */
const foundStepMs = graceMs / 4;

/** {@link ImageStore} in a directory: the catalogue in `catalog/`, the blobs beside it. */
export class DiskImageStore implements ImageStore {
  readonly #catalog: Catalog;
  readonly #files: BlobFiles;
  readonly #clock: Clock;
  readonly #leases: Leases;
  readonly #reader: VerifiedReader;
  readonly #manifests = new Map<string, Buffer>();
  #manifestBytes = 0;

  constructor(
    parts: { readonly catalog: Catalog; readonly files: BlobFiles },
    { clock, log }: { readonly clock: Clock; readonly log: Logger },
  ) {
    this.#catalog = parts.catalog;
    this.#files = parts.files;
    this.#clock = clock;
    this.#leases = new Leases(parts.catalog, clock);
    this.#reader = new VerifiedReader(async (digest, identity) => {
      log.error("a stored blob is damaged and was removed", { digest });
      await this.#forget(digest, identity);
    });
  }

  async findBlob(digest: string): Promise<BlobStat | undefined> {
    if (!isDigest(digest)) return undefined;
    this.#catalog.refresh();
    const record = this.#catalog.blob(digest);
    if (record === undefined) return undefined;
    const now = this.#clock.now();
    if (now - record.foundAt < foundStepMs) return { digest, sizeBytes: record.sizeBytes };
    return await this.#catalog.change(() => {
      const newest = this.#catalog.blob(digest);
      if (newest === undefined) return undefined;
      this.#catalog.put(keys.blob(digest), { ...newest, foundAt: now });
      return { digest, sizeBytes: newest.sizeBytes };
    });
  }

  async readBlob(digest: string, range?: ByteRange): Promise<Readable | undefined> {
    if (!isDigest(digest)) return undefined;
    this.#catalog.refresh();
    if (this.#catalog.blob(digest) === undefined) return undefined;
    try {
      return await this.#reader.read(this.#files.pathOf(digest), digest, range);
    } catch (error) {
      if (!isGone(error)) throw error;
      await this.#forget(digest, undefined);
      return undefined;
    }
  }

  async writeBlob(
    content: AsyncIterable<Uint8Array>,
    options: WriteOptions,
    signal: AbortSignal,
  ): Promise<BlobStat> {
    await using writer = await this.openWriter(options);
    for await (const chunk of content) {
      signal.throwIfAborted();
      await writer.write(chunk);
    }
    signal.throwIfAborted();
    return await writer.commit();
  }

  async openWriter(options: WriteOptions): Promise<BlobWriter> {
    if (options.repository !== undefined) checkRepository(options.repository);
    const wanted = options.expected === undefined ? undefined : parseDigest(options.expected);
    const file = await this.#files.ingest(wanted?.algorithm ?? "sha256");
    return {
      get sizeBytes() {
        return file.sizeBytes;
      },
      write: async (bytes) => {
        await file.write(bytes);
      },
      commit: async (expected = options.expected) => {
        const digest = await file.finish(expected);
        await options.lease?.add([digest]);
        const { sizeBytes } = file;
        await this.#publish(file.path, { digest, sizeBytes }, options.repository);
        await file[Symbol.asyncDispose]();
        return { digest, sizeBytes };
      },
      [Symbol.asyncDispose]: async () => {
        await file[Symbol.asyncDispose]();
      },
    };
  }

  async putManifest(put: PutManifest): Promise<StoredManifest> {
    const prepared = prepareManifest(put);
    const { expected } = put;
    await using file = await this.#files.ingest("sha256");
    await file.write(put.bytes);
    const digest = await file.finish(expected);
    await this.#files.publish(file.path, digest);
    const now = this.#clock.now();
    return await this.#catalog.change(() => {
      const stored = recordManifest(this.#catalog, { ...put, digest, now }, prepared);
      this.#files.publishNow(file.path, digest);
      const blob = { sizeBytes: put.bytes.length, foundAt: now };
      this.#catalog.put(keys.blob(digest), blob);
      return stored;
    });
  }

  findManifest(repository: string, reference: string): StoredManifest | undefined {
    this.#catalog.refresh();
    return findManifest(this.#catalog, { repository, reference });
  }

  async readManifest(digest: string): Promise<Buffer> {
    const cached = this.#manifests.get(digest);
    if (cached !== undefined) return cached;
    const bytes = await this.#readWhole(digest);
    if (this.#manifestBytes + bytes.length > manifestCacheBytesMax) {
      this.#manifests.clear();
      this.#manifestBytes = 0;
    }
    if (!this.#manifests.has(digest)) this.#manifestBytes += bytes.length;
    this.#manifests.set(digest, bytes);
    return bytes;
  }

  async deleteManifest(repository: string, digest: string): Promise<boolean> {
    return await this.#catalog.change(() => removeManifest(this.#catalog, repository, digest));
  }

  async deleteTag(repository: string, tag: string): Promise<boolean> {
    return await this.#catalog.change(() => {
      const found = this.#catalog.tag(repository, tag) !== undefined;
      if (found) this.#catalog.remove(keys.tag(repository, tag));
      return found;
    });
  }

  async putTag(repository: string, tag: string, digest: string): Promise<boolean> {
    checkTag(tag);
    const putAt = this.#clock.now();
    return await this.#catalog.change(() => {
      if (this.#catalog.manifest(repository, digest) === undefined) return false;
      this.#catalog.put(keys.tag(repository, tag), { digest, putAt });
      return true;
    });
  }

  async copyImage(from: ImageAt, to: ImageAt): Promise<StoredManifest | undefined> {
    checkRepository(to.repository);
    checkTag(to.reference);
    const now = this.#clock.now();
    return await this.#catalog.change(() => copyManifest(this.#catalog, { from, to }, now));
  }

  listTags(repository: string, page: Page): TagRecord[] {
    this.#catalog.refresh();
    return tagsOf(this.#catalog, repository, page);
  }

  listManifests(repository: string): StoredManifest[] {
    this.#catalog.refresh();
    const digests = this.#catalog.keysOf(keys.manifest(repository, "")).map(lastPart);
    return digests.flatMap(
      (reference) => findManifest(this.#catalog, { repository, reference }) ?? [],
    );
  }

  listRepositories(page: Page): string[] {
    this.#catalog.refresh();
    return this.#catalog.keysOf("repo|", page).map(lastPart);
  }

  hasRepository(repository: string): boolean {
    this.#catalog.refresh();
    return this.#catalog.repository(repository) !== undefined;
  }

  listReferrers(repository: string, subject: string): Descriptor[] {
    this.#catalog.refresh();
    const found = this.#catalog.keysOf(keys.referrer(repository, subject, ""));
    return found.flatMap((key) => this.#catalog.referrer(key) ?? []);
  }

  hasLink(repository: string, digest: string): boolean {
    this.#catalog.refresh();
    return this.#catalog.link(repository, digest) !== undefined;
  }

  async link(repository: string, digest: string): Promise<boolean> {
    checkRepository(repository);
    const now = this.#clock.now();
    return await this.#catalog.change(() => {
      if (this.#catalog.blob(digest) === undefined) return false;
      linkBlob(this.#catalog, { repository, digest }, now);
      return true;
    });
  }

  async unlink(repository: string, digest: string): Promise<"unlinked" | "unknown" | "used"> {
    return await this.#catalog.change(() => {
      if (this.#catalog.link(repository, digest) === undefined) return "unknown";
      if (this.#catalog.isUsed(digest, repository)) return "used";
      this.#catalog.remove(keys.link(repository, digest));
      return "unlinked";
    });
  }

  async openLease(name: string, lifetimeMs: number): Promise<Lease> {
    return await this.#leases.open(name, lifetimeMs);
  }

  async hold(owner: string, digests: readonly string[]): Promise<void> {
    await this.#leases.hold(owner, digests);
  }

  async release(owner: string, digests: readonly string[]): Promise<void> {
    await this.#leases.release(owner, digests);
  }

  listHeld(owner: string): string[] {
    return this.#leases.list(owner);
  }

  async collect(options: CollectOptions, signal: AbortSignal): Promise<Collected> {
    const now = this.#clock.now();
    const { untaggedMs } = options;
    const times = {
      now,
      foundBefore: now - (options.graceMs ?? graceMs),
      untaggedBefore: untaggedMs === undefined ? undefined : now - untaggedMs,
    };
    return await collectGarbage({ catalog: this.#catalog, files: this.#files }, times, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#catalog.close();
  }

  async #publish(path: string, blob: BlobStat, repository: string | undefined): Promise<void> {
    const { digest, sizeBytes } = blob;
    await this.#files.publish(path, digest);
    const now = this.#clock.now();
    await this.#catalog.change(() => {
      this.#files.publishNow(path, digest);
      this.#catalog.put(keys.blob(digest), { sizeBytes, foundAt: now });
      if (repository !== undefined) linkBlob(this.#catalog, { repository, digest }, now);
    });
    const identity = await this.#files.identityOfIngested(path, digest);
    if (identity !== undefined) this.#reader.trust(digest, identity);
  }

  async #readWhole(digest: string): Promise<Buffer> {
    try {
      return await this.#reader.readAll(this.#files.pathOf(digest), digest);
    } catch (error) {
      if (!isGone(error)) throw error;
      await this.#forget(digest, undefined);
      throw new DamagedBlobError(digest);
    }
  }

  /**
   * So that the blob counts as missing, and whoever has it can put it again; unless somebody has.
   * @param identity of the file that is to go; undefined when none was found.
   */
  async #forget(digest: string, identity: string | undefined): Promise<void> {
    await this.#catalog.change(() => {
      if (this.#files.identityNow(digest) !== identity) return;
      this.#catalog.remove(keys.blob(digest));
      this.#files.removeNow(digest);
    });
  }
}

function isGone(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}
