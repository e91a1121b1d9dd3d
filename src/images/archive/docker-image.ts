import { mediaTypes } from "#oci/media-types.ts";
import { formatReference, parseReference, repositoryOf } from "#oci/reference.ts";
import type { BlobStat, ImageStore, Lease } from "#images/store/image-store.ts";
import { unnamedRepository, type LoadedImage } from "./index-file.ts";

/** First bytes of gzip (RFC 1952), and of zstd (RFC 8878). */
const magics: readonly (readonly [hex: string, mediaType: string])[] = [
  ["1f8b", mediaTypes.layerGzip],
  ["28b52ffd", mediaTypes.layerZstd],
];

/** An image of `docker save`: its config is OCI's but for the name, its layers have no manifest. */
export async function putDockerImage(
  store: ImageStore,
  parts: {
    readonly config: BlobStat;
    readonly layers: readonly BlobStat[];
    readonly tags: readonly string[];
  },
  lease: Lease,
  signal: AbortSignal,
): Promise<LoadedImage[]> {
  const layers = [];
  for (const { digest, sizeBytes } of parts.layers) {
    signal.throwIfAborted();
    layers.push({ mediaType: await layerType(store, digest), digest, size: sizeBytes });
  }
  const { digest, sizeBytes: size } = parts.config;
  await lease.add([digest]);
  const bytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: mediaTypes.manifest,
      config: { mediaType: mediaTypes.config, digest, size },
      layers,
    }),
  );
  const names = parts.tags.map(parseReference);
  if (names.length === 0) {
    const put = { repository: unnamedRepository, bytes, tags: [] };
    return [{ name: undefined, manifest: await store.putManifest(put) }];
  }
  const loaded: LoadedImage[] = [];
  for (const name of names) {
    const tags = name.tag === undefined ? [] : [name.tag];
    const put = { repository: repositoryOf(name), bytes, tags };
    loaded.push({ name: formatReference(name), manifest: await store.putManifest(put) });
  }
  return loaded;
}

async function layerType(store: ImageStore, digest: string): Promise<string> {
  const stream = await store.readBlob(digest, { start: 0, end: 3 });
  const chunks: Buffer[] = [];
  for await (const chunk of stream ?? []) chunks.push(chunk as Buffer);
  const hex = Buffer.concat(chunks).toString("hex");
  return magics.find(([magic]) => hex.startsWith(magic))?.[1] ?? mediaTypes.layer;
}
