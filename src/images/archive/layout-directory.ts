import { createReadStream, type ReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseManifest, requiredDigests, type Descriptor } from "#oci/manifest.ts";
import type { ImageStore, Lease, StoredManifest } from "#images/store/image-store.ts";
import { manifestBytesMax } from "#images/store/image-store.ts";

const tagAnnotation = "org.opencontainers.image.ref.name";

/** An OCI layout that is a directory: image-spec `image-layout.md`. Nothing is verified here. */
export class LayoutDirectory {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /**
   * The manifest of a tag or a digest, or the only one.
   * @throws {Error} naming what the layout lacks.
   */
  async find(wanted: string | undefined): Promise<Descriptor> {
    const path = join(this.#directory, "index.json");
    const { manifests } = parseManifest(
      await readFile(path).catch((cause: unknown) => {
        throw new Error(`${path}: it cannot be read, so this is no OCI layout`, { cause });
      }),
    );
    const [first, ...others] = manifests;
    if (wanted === undefined && first !== undefined && others.length === 0) return first;
    const found = manifests.find((it) => {
      const name = it.annotations?.[tagAnnotation] ?? "";
      const tag = wanted ?? "latest";
      return it.digest === wanted || name === tag || name.endsWith(`:${tag}`);
    });
    if (found !== undefined) return found;
    throw new Error(`${path}: there is no image ${wanted ?? "latest"}`);
  }

  /** @throws {Error} when it is not there, or too large for a manifest. */
  async manifest({ digest, size }: Descriptor): Promise<Buffer> {
    if (size > manifestBytesMax) throw new Error(`the manifest ${digest} is too large`);
    return await readFile(this.#pathOf(digest));
  }

  blob(digest: string): ReadStream {
    return createReadStream(this.#pathOf(digest));
  }

  #pathOf(digest: string): string {
    const [, algorithm = "", hex = ""] = /^(sha256|sha512):([0-9a-f]+)$/.exec(digest) ?? [];
    if (hex === "") throw new Error(`${digest} is no digest`);
    return join(this.#directory, "blobs", algorithm, hex);
  }
}

/**
 * Takes an image of a layout into the store, without a tag. Of an index come the manifests that the
 * layout has.
 */
export async function loadLayoutImage(
  { store, lease }: { readonly store: ImageStore; readonly lease: Lease },
  layout: LayoutDirectory,
  { target, repository }: { readonly target: Descriptor; readonly repository: string },
  signal: AbortSignal,
): Promise<StoredManifest> {
  const bytes = await layout.manifest(target);
  const content = parseManifest(bytes, target.mediaType);
  for (const child of content.manifests) {
    try {
      await loadLayoutImage({ store, lease }, layout, { target: child, repository }, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
  for (const digest of requiredDigests(content).blobs) {
    const known = await store.findBlob(digest);
    if (known === undefined) {
      await store.writeBlob(layout.blob(digest), { expected: digest, lease }, signal);
    }
  }
  return await store.putManifest({
    repository,
    bytes,
    mediaType: target.mediaType,
    expected: target.digest,
    tags: [],
    allowMissing: "manifests",
  });
}
