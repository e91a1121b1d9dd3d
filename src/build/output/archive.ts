import type { BuiltImage } from "#build/image/assemble.ts";
import { plainEntry } from "#build/tar/entry.ts";
import type { WriteEntry } from "#build/tar/write.ts";
import type { ImageStore } from "#images/store/image-store.ts";
import { mediaTypes } from "#oci/media-types.ts";

export interface ArchiveImage {
  readonly image: BuiltImage;
  readonly manifestDigest: string;
  /** Whole names: `docker.io/library/app:latest`; may be empty. */
  readonly names: readonly string[];
  /** As people write them: `app:latest`. */
  readonly familiarNames: readonly string[];
}

/** An OCI layout as an archive: image-spec `image-layout.md`. */
export async function* ociEntries(
  { image, manifestDigest, names }: ArchiveImage,
  store: ImageStore,
): AsyncGenerator<WriteEntry, void, undefined> {
  const descriptor = {
    mediaType: mediaTypes.manifest,
    digest: manifestDigest,
    size: image.manifest.length,
  };
  const manifests =
    names.length === 0
      ? [descriptor]
      : names.map((name) => ({
          ...descriptor,
          annotations: {
            "io.containerd.image.name": name,
            "org.opencontainers.image.ref.name": name.slice(name.lastIndexOf(":") + 1),
          },
        }));
  const index = { schemaVersion: 2, mediaType: mediaTypes.index, manifests };
  yield textEntry("oci-layout", JSON.stringify({ imageLayoutVersion: "1.0.0" }));
  yield textEntry("index.json", JSON.stringify(index));
  yield textEntry(blobName(manifestDigest), image.manifest);
  yield* blobEntries(image, store);
}

/** What `docker load` takes: an OCI layout with `manifest.json` besides. */
export async function* dockerEntries(
  archive: ArchiveImage,
  store: ImageStore,
): AsyncGenerator<WriteEntry, void, undefined> {
  const { image, familiarNames } = archive;
  const manifest = [
    {
      Config: blobName(image.config.digest),
      RepoTags: familiarNames.length === 0 ? null : familiarNames,
      Layers: image.layers.map((it) => blobName(it.descriptor.digest)),
    },
  ];
  yield textEntry("manifest.json", JSON.stringify(manifest));
  yield* ociEntries(archive, store);
}

async function* blobEntries(
  image: BuiltImage,
  store: ImageStore,
): AsyncGenerator<WriteEntry, void, undefined> {
  const blobs = [image.config, ...image.layers.map((it) => it.descriptor)];
  const written = new Set<string>();
  for (const { digest, size } of blobs) {
    if (written.has(digest)) continue;
    written.add(digest);
    const content = await store.readBlob(digest);
    if (content === undefined) throw new Error(`the blob ${digest} is not in the store`);
    yield { entry: { ...plainEntry, name: blobName(digest), size }, content };
  }
}

function blobName(digest: string): string {
  return `blobs/${digest.replace(":", "/")}`;
}

function textEntry(name: string, content: string | Buffer): WriteEntry {
  const bytes = typeof content === "string" ? Buffer.from(content) : content;
  return { entry: { ...plainEntry, name, size: bytes.length }, content: [bytes] };
}
