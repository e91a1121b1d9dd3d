import type { ImageConfig } from "#build/image/config.ts";
import { formatPlatform } from "#build/stage/platform.ts";
import type { Platform } from "#build/stage/state.ts";
import type { ImageStore, StoredManifest } from "#images/store/image-store.ts";
import { parseManifest, type Descriptor, type ManifestContent } from "#oci/manifest.ts";
import { familiarReference, parseReference, type ImageReference } from "#oci/reference.ts";
import type { PullImage } from "./world.ts";

/** An image that a stage begins with. */
export interface BaseImage {
  readonly name: string;
  readonly config: ImageConfig;
  /** The lowest first; as many as the configuration has diff_ids. */
  readonly layers: readonly Descriptor[];
}

const configBytesMax = 8 * 1_048_576;

/**
 * Reads an image of the store; brings it there first when it is not, or when `refresh` says so.
 * @throws {Error} that names the image and what is missing.
 */
export async function findBaseImage(
  text: string,
  platform: Platform,
  world: {
    readonly store: ImageStore;
    readonly repositoryOf: (reference: ImageReference) => string;
    readonly pull: PullImage;
    readonly refresh: boolean;
  },
  signal: AbortSignal,
): Promise<BaseImage> {
  const { store } = world;
  const reference = parseReference(text);
  const name = familiarReference(reference);
  const wanted = reference.digest ?? reference.tag ?? "";
  async function find(): Promise<ManifestContent | undefined> {
    const found = store.findManifest(world.repositoryOf(reference), wanted);
    if (found === undefined) return undefined;
    return await readImageManifest(store, found, platform);
  }
  let manifest = world.refresh ? undefined : await find();
  if (manifest === undefined) {
    await world.pull(reference, platform, signal);
    manifest = await find();
  }
  if (manifest === undefined) throw new Error(`${name}: not found for ${formatPlatform(platform)}`);
  if (manifest.config === undefined)
    throw new Error(`${name} is no image: its manifest has no config`);
  const config = await readConfig(store, manifest.config, name);
  if (config.rootfs.diff_ids.length !== manifest.layers.length) {
    throw new Error(
      `${name} is damaged: ${manifest.layers.length} layers, and ${config.rootfs.diff_ids.length} in its config`,
    );
  }
  return { name, config, layers: manifest.layers };
}

/** The manifest for a platform, through an index if there is one; undefined when it is not here. */
async function readImageManifest(
  store: ImageStore,
  { digest, repository }: StoredManifest,
  platform: Platform,
): Promise<ManifestContent | undefined> {
  const manifest = parseManifest(await store.readManifest(digest));
  if (manifest.kind === "image") return manifest;
  const { os, architecture } = platform;
  const fit = manifest.manifests.find(
    (it) => it.platform?.os === os && it.platform.architecture === architecture,
  );
  const chosen = fit ?? (manifest.manifests.length === 1 ? manifest.manifests[0] : undefined);
  if (chosen === undefined || store.findManifest(repository, chosen.digest) === undefined) {
    return undefined;
  }
  return parseManifest(await store.readManifest(chosen.digest));
}

async function readConfig(
  store: ImageStore,
  descriptor: Descriptor,
  name: string,
): Promise<ImageConfig> {
  const blob = await store.readBlob(descriptor.digest);
  if (blob === undefined)
    throw new Error(`${name}: its config ${descriptor.digest} is not in the store`);
  if (descriptor.size > configBytesMax) throw new Error(`${name}: its config is too large`);
  const chunks: Buffer[] = [];
  for await (const chunk of blob) chunks.push(chunk as Buffer);
  return JSON.parse(Buffer.concat(chunks).toString("utf8")) as ImageConfig;
}
