import type { Readable } from "node:stream";
import type { Descriptor, ManifestContent } from "#oci/manifest.ts";

/**
 * Where images of an installation lie: blobs by digest, manifests and tags by repository. Several
 * processes may have the same directory open (the registry, builds, `gantry load`).
 *
 * What holds:
 *
 * 1. A blob has its name when it is whole, verified and on disk. What a call has resolved for
 *    survives any crash; what it has not leaves nothing that is ever served.
 * 2. A manifest is kept exactly as its bytes came, and only when all that it points to is here.
 * 3. {@link collect} may run at any time, in any process. It never removes a blob that a manifest
 *    of some repository points to, that a lease holds, or that was written or found within
 *    {@link graceMs}: what is being pushed or built lives until its manifest names it.
 * 4. Blobs are streams; nothing but manifests ({@link manifestBytesMax}) is held in memory.
 *
 * A build, in this order: `openLease`, `writeBlob` for layers and config, `putManifest` with tags,
 * dispose the lease.
 *
 * Repositories have the image's full name without its tag: `docker.io/library/nginx`. What clients
 * push to our registry without a registry's name in it is kept under just that: `team/app`.
 */
export interface ImageStore extends AsyncDisposable {
  /** Undefined when there is none. Keeps the blob from the collector for {@link graceMs}. */
  findBlob(digest: string): Promise<BlobStat | undefined>;
  /**
   * The blob's bytes, or a part of them; undefined when there is none. The first whole read after a
   * start is verified: the stream of a damaged blob fails before its last bytes, and the blob is
   * set aside so that it can be pushed anew. The reader must destroy or exhaust the stream.
   */
  readBlob(digest: string, range?: ByteRange): Promise<Readable | undefined>;
  /**
   * Takes a blob in. Resolves when it is on disk; writing one that is there already is cheap.
   * @throws {DigestMismatchError} when the content is not what `expected` says; nothing is kept.
   * @throws {StoreFullError} when the disk has no room.
   */
  writeBlob(
    content: AsyncIterable<Uint8Array>,
    options: WriteOptions,
    signal: AbortSignal,
  ): Promise<BlobStat>;
  /** For content that comes in parts. Abort or commit it; the store's end aborts it too. */
  openWriter(options: WriteOptions): Promise<BlobWriter>;

  /**
   * Stores a manifest or an index and lets tags point to it, all or nothing.
   * @throws {MissingContentError} when it points to something that is not here.
   * @throws {ManifestError} when it is none. @throws {StoreFullError}
   */
  putManifest(put: PutManifest): Promise<StoredManifest>;
  /** By tag or by digest; undefined when the repository has none such. */
  findManifest(repository: string, reference: string): StoredManifest | undefined;
  /** The bytes as they were put, verified. @throws {DamagedBlobError} */
  readManifest(digest: string): Promise<Buffer>;
  /** Removes it, and the tags that point to it, from a repository. False when there was none. */
  deleteManifest(repository: string, digest: string): Promise<boolean>;
  /** False when there was none. */
  deleteTag(repository: string, tag: string): Promise<boolean>;
  /** Lets a tag point to a manifest of the same repository. False when that is not there. */
  putTag(repository: string, tag: string, digest: string): Promise<boolean>;
  /**
   * Gives a repository all of another's image: manifests, blobs, and a tag. It costs no copies.
   * Undefined when the source is not there.
   */
  copyImage(from: ImageAt, to: ImageAt): Promise<StoredManifest | undefined>;

  /** Of a repository, in bytewise order, those after `after`. */
  listTags(repository: string, page: Page): TagRecord[];
  /** Of a repository, in the order of their digests, tagged or not. */
  listManifests(repository: string): StoredManifest[];
  /** Names, in bytewise order, those after `after`. */
  listRepositories(page: Page): string[];
  hasRepository(repository: string): boolean;
  /** Manifests of the repository whose subject is this digest, in the order of their digests. */
  listReferrers(repository: string, subject: string): Descriptor[];

  /** Whether a repository may show this blob: it was pushed there, mounted, or a manifest has it. */
  hasLink(repository: string, digest: string): boolean;
  /** Lets a repository show a blob that is here. False when there is no such blob. */
  link(repository: string, digest: string): Promise<boolean>;
  /** Why not: `unknown` when the repository has none such, `used` when a manifest of it does. */
  unlink(repository: string, digest: string): Promise<"unlinked" | "unknown" | "used">;

  /** Keeps blobs from the collector. The name says whose it is: `build`, `upload`. */
  openLease(name: string, lifetimeMs: number): Promise<Lease>;
  /**
   * Keeps blobs until they are released, across starts: `owner` says whose they are. For caches,
   * which bound themselves. Holding twice is holding once.
   */
  hold(owner: string, digests: readonly string[]): Promise<void>;
  release(owner: string, digests: readonly string[]): Promise<void>;
  listHeld(owner: string): string[];

  /** Removes what nothing needs. */
  collect(options: CollectOptions, signal: AbortSignal): Promise<Collected>;
}

/** A manifest or an index is held in memory; the distribution specification suggests this bound. */
export const manifestBytesMax = 4 * 1_048_576;
/** How long a blob is kept that was written or found, and that nothing points to yet. */
export const graceMs = 60 * 60_000;

export interface BlobStat {
  readonly digest: string;
  readonly sizeBytes: number;
}

/** Both ends inclusive, as in HTTP; an undefined end is the blob's. */
export interface ByteRange {
  readonly start: number;
  readonly end?: number | undefined;
}

export interface WriteOptions {
  /** The digest that the content must have; undefined to compute sha256. */
  readonly expected?: string | undefined;
  /** Repository that shows the blob from then on; undefined: none does until a manifest. */
  readonly repository?: string | undefined;
  /** Holds the blob from the moment that it is there. */
  readonly lease?: Lease | undefined;
}

export interface BlobWriter extends AsyncDisposable {
  /** Bytes taken in so far. */
  readonly sizeBytes: number;
  /** Resolves when the bytes may be changed by the caller. @throws {StoreFullError} */
  write(bytes: Uint8Array): Promise<void>;
  /** Makes it a blob. `expected` overrides that of the options. @throws {DigestMismatchError} */
  commit(expected?: string): Promise<BlobStat>;
}

export interface PutManifest {
  readonly repository: string;
  readonly bytes: Uint8Array;
  /** The content type it was sent with; that of the manifest itself counts when it is undefined. */
  readonly mediaType?: string | undefined;
  /** The digest it must have; undefined for sha256. */
  readonly expected?: string | undefined;
  readonly tags: readonly string[];
  /** What need not be here: an index's manifests, when only some platforms are kept. */
  readonly allowMissing?: "nothing" | "manifests" | undefined;
}

export interface StoredManifest {
  readonly repository: string;
  readonly digest: string;
  readonly mediaType: string;
  readonly sizeBytes: number;
  /** Milliseconds since the epoch. */
  readonly putAt: number;
}

export interface TagRecord {
  readonly tag: string;
  readonly digest: string;
  /** Milliseconds since the epoch. */
  readonly putAt: number;
}

export interface ImageAt {
  readonly repository: string;
  /** A tag or a digest; the destination's is a tag. */
  readonly reference: string;
}

export interface Page {
  /** Exclusive; undefined for the beginning. */
  readonly after?: string | undefined;
  /** At most so many. */
  readonly limit: number;
}

/** Released when disposed; ends by itself when its time is over, should its process have died. */
export interface Lease extends AsyncDisposable {
  readonly id: string;
  /** Holds blobs, which need not exist yet. */
  add(digests: readonly string[]): Promise<void>;
  /** Lets it live for its lifetime from now on. */
  renew(): Promise<void>;
}

export interface CollectOptions {
  /**
   * Manifests without a tag, that no index of their repository has and that have no subject there,
   * go when they are older; undefined: they stay until someone deletes them.
   */
  readonly untaggedMs?: number | undefined;
  /** Instead of {@link graceMs}. Zero when nobody writes. */
  readonly graceMs?: number | undefined;
}

export interface Collected {
  readonly blobs: number;
  readonly manifests: number;
  readonly freedBytes: number;
}

/** The content is not what its digest says. */
export class DigestMismatchError extends Error {
  override readonly name = "DigestMismatchError";

  constructor(expected: string, found: string) {
    super(`expected the content of ${expected}, found that of ${found}`);
  }
}

/** Manifests, configs or layers that a manifest points to are not in the store. */
export class MissingContentError extends Error {
  override readonly name = "MissingContentError";
  readonly digests: readonly string[];

  constructor(digests: readonly string[]) {
    super(`the manifest points to what is not here: ${digests.join(", ")}`);
    this.digests = digests;
  }
}

/** The disk, or the quota on it, has no room. */
export class StoreFullError extends Error {
  override readonly name = "StoreFullError";

  constructor(directory: string, options: ErrorOptions) {
    super(
      `no space left for images in ${directory}: free some, or run gantry registry gc`,
      options,
    );
  }
}

/** What lies on disk is not what was put there; it has been set aside. */
export class DamagedBlobError extends Error {
  override readonly name = "DamagedBlobError";

  constructor(digest: string) {
    super(`the stored content of ${digest} is damaged: push or pull it again`);
  }
}

export type { ManifestContent };
