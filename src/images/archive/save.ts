import { pipeline } from "node:stream/promises";
import type { Writable } from "node:stream";
import { pack, type Pack } from "tar-stream";
import { parseManifest, type Descriptor } from "#oci/manifest.ts";
import { mediaTypes } from "#oci/media-types.ts";
import { parseDigest } from "#oci/digest.ts";
import type { ImageStore, StoredManifest } from "#images/store/image-store.ts";

/** An image to write, under the names it is to have there. */
export interface SavedImage {
  readonly manifest: StoredManifest;
  /** `docker.io/library/app:1`; empty for an image without a name. */
  readonly names: readonly string[];
  /** The same as people write them: `app:1`. */
  readonly familiarNames: readonly string[];
}

/** Same bytes for the same images. */
const epoch = new Date(0);

/**
 * Writes images as a tar that is an OCI layout and has `docker save`'s `manifest.json` too, so that
 * every tool reads it. Layers are streamed, each once.
 * @throws {Error} when something of an image is not in the store.
 */
export async function saveArchive(
  store: ImageStore,
  images: readonly SavedImage[],
  to: Writable,
  signal: AbortSignal,
): Promise<void> {
  const tar = pack();
  const writing = writeEntries(store, images, tar, signal).catch((error: unknown) => {
    tar.destroy(error instanceof Error ? error : new Error(String(error)));
  });
  // The library's stream is not Node's own, but has its events and methods.
  await pipeline(bytesOf(tar), to, { signal });
  await writing;
}

async function* bytesOf(tar: AsyncIterable<unknown>): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of tar) {
    if (chunk instanceof Uint8Array) yield chunk;
  }
}

async function writeEntries(
  store: ImageStore,
  images: readonly SavedImage[],
  tar: Pack,
  signal: AbortSignal,
): Promise<void> {
  const written = new Set<string>();
  const docker: object[] = [];
  const index: object[] = [];
  for (const { manifest, names, familiarNames } of images) {
    const image = await writeManifest({ store, tar, written, signal }, manifest);
    if (image !== undefined) docker.push({ ...image, RepoTags: familiarNames });
    const { mediaType, digest, sizeBytes: size } = manifest;
    const descriptor = { mediaType, digest, size };
    for (const name of names) {
      const tag = name.slice(name.lastIndexOf(":") + 1);
      const annotations = {
        "io.containerd.image.name": name,
        "org.opencontainers.image.ref.name": tag,
      };
      index.push({ ...descriptor, annotations });
    }
    if (names.length === 0) index.push(descriptor);
  }
  await writeText(tar, "oci-layout", { imageLayoutVersion: "1.0.0" });
  await writeText(tar, "index.json", {
    schemaVersion: 2,
    mediaType: mediaTypes.index,
    manifests: index,
  });
  await writeText(tar, "manifest.json", docker);
  tar.finalize();
}

interface Writing {
  readonly store: ImageStore;
  readonly tar: Pack;
  readonly written: Set<string>;
  readonly signal: AbortSignal;
}

/** Resolves with `manifest.json`'s entry: of an index, that of its first image which is here. */
async function writeManifest(
  writing: Writing,
  manifest: StoredManifest,
): Promise<{ readonly Config: string; readonly Layers: readonly string[] } | undefined> {
  const { store } = writing;
  const bytes = await store.readManifest(manifest.digest);
  const content = parseManifest(bytes, manifest.mediaType);
  let entry: { readonly Config: string; readonly Layers: readonly string[] } | undefined;
  for (const { digest } of content.manifests) {
    const child = store.findManifest(manifest.repository, digest);
    const written = child && (await writeManifest(writing, child));
    entry ??= written;
  }
  const blobs = [...(content.config === undefined ? [] : [content.config]), ...content.layers];
  for (const blob of blobs) await writeBlob(writing, blob);
  await writeBlob(writing, { digest: manifest.digest, size: bytes.length });
  if (content.config === undefined) return entry;
  return {
    Config: pathOf(content.config.digest),
    Layers: content.layers.map((it) => pathOf(it.digest)),
  };
}

async function writeBlob(
  { store, tar, written, signal }: Writing,
  { digest, size }: Pick<Descriptor, "digest" | "size">,
): Promise<void> {
  signal.throwIfAborted();
  if (written.has(digest)) return;
  written.add(digest);
  const content = await store.readBlob(digest);
  if (content === undefined) throw new Error(`the store lacks ${digest}: pull or build it again`);
  const entry = tar.entry({ name: pathOf(digest), size, mode: 0o644, mtime: epoch });
  for await (const chunk of content) {
    if (!entry.write(chunk)) await new Promise<void>((resolve) => entry.once("drain", resolve));
  }
  await new Promise<void>((resolve, reject) => {
    entry.once("finish", resolve);
    entry.once("error", reject);
    entry.end(Buffer.alloc(0));
  });
}

async function writeText(tar: Pack, name: string, value: object): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const header = { name, mode: 0o644, mtime: epoch };
    tar.entry(header, JSON.stringify(value), (error?: Error | null) => {
      if (error == null) resolve();
      else reject(error);
    });
  });
}

function pathOf(digest: string): string {
  const parsed = parseDigest(digest);
  if (parsed === undefined) throw new Error(`'${digest}' is no digest`);
  return `blobs/${parsed.algorithm}/${parsed.hex}`;
}
