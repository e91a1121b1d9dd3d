import type { Readable } from "node:stream";
import { parseManifest, requiredDigests, type Descriptor, type Platform } from "#oci/manifest.ts";
import { isForeignLayer } from "#oci/media-types.ts";
import { repositoryOf, type ImageReference } from "#oci/reference.ts";
import type { ImageStore, Lease, StoredManifest } from "#images/store/image-store.ts";
import { chooseManifest } from "./platform.ts";
import type { RemoteManifest, RemoteRegistry } from "./remote.ts";

/** Blobs at a time, as Docker's client has it. */
const blobsAtATime = 3;
const attemptsMax = 3;
const leaseMs = 3_600_000;

/** What happens to a blob while an image is moved. */
export interface TransferStep {
  readonly digest: string;
  readonly sizeBytes: number;
  readonly state: "present" | "begun" | "done" | "mounted";
}

export interface TransferOptions {
  /** Of an index, only this platform's manifest is moved; undefined: all of them. */
  readonly platform: Platform | undefined;
  readonly onStep: (step: TransferStep) => void;
}

/**
 * Brings an image into the store, under its own name. What is here already is not fetched; every
 * byte is compared with its digest.
 * @throws {Error} when the registry has no such image, or none for the platform.
 */
export async function pullImage(
  store: ImageStore,
  { remote, reference }: { readonly remote: RemoteRegistry; readonly reference: ImageReference },
  options: TransferOptions,
  signal: AbortSignal,
): Promise<StoredManifest> {
  await using lease = await store.openLease("pull", leaseMs);
  const repository = repositoryOf(reference);
  const wanted = reference.digest ?? reference.tag ?? "latest";
  const found = await remote.getManifest(reference.path, wanted, signal);
  if (found === undefined) throw new Error(`${repository}:${wanted} is not found`);
  const content = parseManifest(found.bytes, found.mediaType);
  const children =
    options.platform === undefined
      ? content.manifests
      : chooseManifest(content.manifests, options.platform, content.kind);
  const from = { remote, path: reference.path, repository, lease };
  for (const child of children) {
    const manifest = await remote.getManifest(reference.path, child.digest, signal);
    if (manifest === undefined) throw new Error(`${repository} lacks its own ${child.digest}`);
    await pullManifest(store, from, { manifest, tags: [], options }, signal);
  }
  const tags = reference.tag === undefined ? [] : [reference.tag];
  return await pullManifest(store, from, { manifest: found, tags, options }, signal);
}

/** Sends an image of the store to a registry. @throws {Error} when it is refused. */
export async function pushImage(
  store: ImageStore,
  to: {
    readonly remote: RemoteRegistry;
    /** Of the registry. */
    readonly path: string;
    /** A tag, or a digest. */
    readonly reference: string;
    readonly image: StoredManifest;
  },
  options: TransferOptions,
  signal: AbortSignal,
): Promise<void> {
  const { remote, path, reference, image } = to;
  const bytes = await store.readManifest(image.digest);
  const content = parseManifest(bytes, image.mediaType);
  const here = content.manifests.flatMap(
    ({ digest }) => store.findManifest(image.repository, digest) ?? [],
  );
  const [only, ...others] = here;
  if (only !== undefined && others.length === 0 && content.manifests.length > 1) {
    // Of an index that was pulled for one platform the rest is not here: it goes as that image.
    await pushImage(store, { remote, path, reference, image: only }, options, signal);
    return;
  }
  for (const child of here) {
    const part = { remote, path, reference: child.digest, image: child };
    await pushImage(store, part, options, signal);
  }
  const blobs = [...(content.config === undefined ? [] : [content.config]), ...content.layers];
  const own = blobs.filter((it) => !isForeignLayer(it.mediaType));
  await eachLimited(uniqueBlobs(own), async (blob) => {
    await pushBlob(store, { remote, path }, { blob, options }, signal);
  });
  await remote.putManifest(path, { reference, bytes, mediaType: content.mediaType }, signal);
}

interface PullFrom {
  readonly remote: RemoteRegistry;
  readonly path: string;
  readonly repository: string;
  readonly lease: Lease;
}

async function pullManifest(
  store: ImageStore,
  from: PullFrom,
  it: {
    readonly manifest: RemoteManifest;
    readonly tags: readonly string[];
    readonly options: TransferOptions;
  },
  signal: AbortSignal,
): Promise<StoredManifest> {
  const { bytes, mediaType, digest } = it.manifest;
  const content = parseManifest(bytes, mediaType);
  const needed = new Set(requiredDigests(content).blobs);
  const blobs = [...(content.config === undefined ? [] : [content.config]), ...content.layers];
  await from.lease.add([...needed]);
  await eachLimited(uniqueBlobs(blobs.filter((blob) => needed.has(blob.digest))), async (blob) => {
    await pullBlob(store, from, { blob, options: it.options }, signal);
  });
  const { repository } = from;
  const put = { repository, bytes, mediaType, expected: digest, tags: it.tags };
  return await store.putManifest({ ...put, allowMissing: "manifests" });
}

async function pullBlob(
  store: ImageStore,
  { remote, path, lease }: PullFrom,
  { blob, options }: { readonly blob: Descriptor; readonly options: TransferOptions },
  signal: AbortSignal,
): Promise<void> {
  const { digest, size: sizeBytes } = blob;
  if ((await store.findBlob(digest)) !== undefined) {
    options.onStep({ digest, sizeBytes, state: "present" });
    return;
  }
  options.onStep({ digest, sizeBytes, state: "begun" });
  for (let attempt = 1; ; attempt++) {
    try {
      const content = await remote.getBlob(path, digest, signal);
      await store.writeBlob(content, { expected: digest, lease }, signal);
      break;
    } catch (error) {
      signal.throwIfAborted();
      if (attempt === attemptsMax || !isPassing(error)) throw error;
    }
  }
  options.onStep({ digest, sizeBytes, state: "done" });
}

async function pushBlob(
  store: ImageStore,
  { remote, path }: { readonly remote: RemoteRegistry; readonly path: string },
  { blob, options }: { readonly blob: Descriptor; readonly options: TransferOptions },
  signal: AbortSignal,
): Promise<void> {
  const { digest, size: sizeBytes } = blob;
  if (await remote.hasBlob(path, digest, signal)) {
    options.onStep({ digest, sizeBytes, state: "present" });
    return;
  }
  options.onStep({ digest, sizeBytes, state: "begun" });
  const open = async (): Promise<Readable> => {
    const content = await store.readBlob(digest);
    if (content === undefined) throw new Error(`the store lacks ${digest}: pull or build it again`);
    return content;
  };
  const done = await remote.putBlob(
    path,
    { digest, sizeBytes, open, mountFrom: undefined },
    signal,
  );
  options.onStep({ digest, sizeBytes, state: done === "mounted" ? "mounted" : "done" });
}

/** A connection that broke, as against content that is wrong. */
function isPassing(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = "code" in error ? String(error.code) : "";
  return (
    ["ECONNRESET", "EPIPE", "ETIMEDOUT", "ERR_STREAM_PREMATURE_CLOSE"].includes(code) ||
    isPassing(error.cause)
  );
}

function uniqueBlobs(blobs: readonly Descriptor[]): readonly Descriptor[] {
  return [...new Map(blobs.map((it) => [it.digest, it])).values()];
}

async function eachLimited<T>(items: readonly T[], use: (item: T) => Promise<void>): Promise<void> {
  const left = items.values();
  const worker = async (): Promise<void> => {
    for (const item of left) await use(item);
  };
  await Promise.all(Array.from({ length: blobsAtATime }, worker));
}
