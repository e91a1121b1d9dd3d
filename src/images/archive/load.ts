import { Readable } from "node:stream";
import { extract } from "tar-stream";
import type { Descriptor } from "#oci/manifest.ts";
import type { ImageStore, Lease, StoredManifest } from "#images/store/image-store.ts";
import { bytesOf, readSmall } from "./entries.ts";
import {
  dockerImages,
  namedImages,
  readManifestTree,
  type LoadedImage,
  type NamedImage,
} from "./index-file.ts";
import { putDockerImage } from "./docker-image.ts";

/** One that takes longer to read has stopped being read. */
const leaseMs = 3_600_000;
/** Files of an archive; each image has some dozens. */
const entriesMax = 100_000;

/** What was found while reading the tar, to be put together at its end. */
interface Found {
  index: unknown;
  docker: unknown;
  /** Entries that are no blobs of an OCI layout, by their paths. */
  readonly files: Map<string, { readonly digest: string; readonly sizeBytes: number }>;
  /** Targets of links: `docker save` links layers that images share. */
  readonly links: Map<string, string>;
}

/**
 * Takes in the tar of an OCI layout, or of `docker save` in any of its forms. Blobs are streamed;
 * nothing is ever unpacked to a path that the archive names.
 * @throws {Error} for a damaged archive, a blob that is not what its digest says, or no image.
 */
export async function loadArchive(
  store: ImageStore,
  tar: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<LoadedImage[]> {
  await using lease = await store.openLease("load", leaseMs);
  const found = await readEntries(store, tar, lease, signal);
  const images =
    found.index === undefined
      ? await loadDocker(store, found, lease, signal)
      : await loadLayout(store, namedImages(found.index));
  if (images.length === 0) throw new Error("the archive holds no image");
  return images;
}

async function readEntries(
  store: ImageStore,
  tar: AsyncIterable<Uint8Array>,
  lease: Lease,
  signal: AbortSignal,
): Promise<Found> {
  const found: Found = {
    index: undefined,
    docker: undefined,
    files: new Map(),
    links: new Map(),
  };
  let entries = 0;
  const parser = Readable.from(tar).pipe(extract());
  for await (const entry of parser) {
    signal.throwIfAborted();
    if (++entries > entriesMax) throw new Error(`the archive has more than ${entriesMax} files`);
    const name = entry.header.name.replace(/^\.\//, "");
    const content = bytesOf(entry);
    if (name === "index.json") found.index = JSON.parse(await readSmall(content, name));
    else if (name === "manifest.json") found.docker = JSON.parse(await readSmall(content, name));
    else if (entry.header.type === "file") {
      const [, algorithm = "", hex = ""] = /^blobs\/(sha\d+)\/([0-9a-f]+)$/.exec(name) ?? [];
      const expected = hex === "" ? undefined : `${algorithm}:${hex}`;
      found.files.set(name, await store.writeBlob(content, { expected, lease }, signal));
    } else {
      if (entry.header.type === "symlink" || entry.header.type === "link") {
        found.links.set(name, entry.header.linkname);
      }
      entry.resume();
    }
  }
  return found;
}

async function loadLayout(
  store: ImageStore,
  images: readonly NamedImage[],
): Promise<LoadedImage[]> {
  const loaded: LoadedImage[] = [];
  for (const { name, repository, tag, target } of images) {
    const manifest = await putTree(store, repository, target, tag);
    loaded.push({ name, manifest });
  }
  return loaded;
}

/** Puts a manifest, or an index after those of its manifests that the archive has. */
async function putTree(
  store: ImageStore,
  repository: string,
  target: Descriptor,
  tag: string | undefined,
): Promise<StoredManifest> {
  const tree = await readManifestTree(store, target);
  for (const child of tree.children) await putTree(store, repository, child, undefined);
  return await store.putManifest({
    repository,
    bytes: tree.bytes,
    mediaType: target.mediaType,
    expected: target.digest,
    tags: tag === undefined ? [] : [tag],
    allowMissing: "manifests",
  });
}

async function loadDocker(
  store: ImageStore,
  { docker, files, links }: Found,
  lease: Lease,
  signal: AbortSignal,
): Promise<LoadedImage[]> {
  if (docker === undefined) {
    throw new Error("the archive has neither index.json nor manifest.json: it holds no images");
  }
  const fileAt = (path: string): { digest: string; sizeBytes: number } => {
    const file = files.get(path) ?? files.get(linkTarget(path, links));
    if (file === undefined) throw new Error(`the archive is damaged: ${path} is missing`);
    return file;
  };
  const loaded: LoadedImage[] = [];
  for (const image of dockerImages(docker)) {
    const parts = {
      config: fileAt(image.configPath),
      layers: image.layerPaths.map(fileAt),
      tags: image.tags,
    };
    loaded.push(...(await putDockerImage(store, parts, lease, signal)));
  }
  return loaded;
}

/** Where a link of the archive leads to within it: `../<id>/layer.tar`, as `docker save` writes. */
function linkTarget(path: string, links: ReadonlyMap<string, string>): string {
  const target = links.get(path);
  if (target === undefined) return path;
  const folder = path.slice(0, path.lastIndexOf("/") + 1);
  return new URL(target, `file:///${folder}`).pathname.slice(1);
}
