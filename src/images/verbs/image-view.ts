import { formatAge } from "#base/docker-format.ts";
import { parseManifest, type Descriptor, type Platform } from "#oci/manifest.ts";
import { chooseManifest } from "#images/client/platform.ts";
import type { ImageStore, StoredManifest } from "#images/store/image-store.ts";

/** OCI image-spec `config.md`, as far as it is shown. */
export interface ImageConfig {
  readonly created?: string;
  readonly author?: string;
  readonly architecture?: string;
  readonly variant?: string;
  readonly os?: string;
  readonly config?: Readonly<Record<string, unknown>>;
  readonly rootfs?: { readonly type?: string; readonly diff_ids?: readonly string[] };
  readonly history?: readonly HistoryEntry[];
}

export interface HistoryEntry {
  readonly created?: string;
  readonly created_by?: string;
  readonly author?: string;
  readonly comment?: string;
  readonly empty_layer?: boolean;
}

/** An image of the store: of an index, the one for this machine. */
export interface ImageView {
  /** The digest of its config: what Docker calls the image's id. */
  readonly id: string;
  /** What its tag points to. */
  readonly target: StoredManifest;
  /** The manifest itself; the same as the target but for an index. */
  readonly manifest: StoredManifest;
  readonly config: ImageConfig;
  readonly layers: readonly Descriptor[];
  /** Of config and layers, as they are stored. */
  readonly sizeBytes: number;
}

/** Configs are small; a larger one is none. */
const configBytesMax = 8 * 1_048_576;

/** Undefined when it is no image: an artifact, or an index of which nothing for us is here. */
export async function viewImage(
  store: ImageStore,
  target: StoredManifest,
  platform: Platform,
): Promise<ImageView | undefined> {
  const manifest = await manifestOf(store, target, platform);
  if (manifest === undefined) return undefined;
  const content = parseManifest(await store.readManifest(manifest.digest), manifest.mediaType);
  const { config, layers } = content;
  if (config === undefined || config.size > configBytesMax) return undefined;
  const stream = await store.readBlob(config.digest);
  if (stream === undefined) return undefined;
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return {
    id: config.digest,
    target,
    manifest,
    config: JSON.parse(Buffer.concat(chunks).toString()) as ImageConfig,
    layers,
    sizeBytes: layers.reduce((sum, it) => sum + it.size, config.size),
  };
}

async function manifestOf(
  store: ImageStore,
  target: StoredManifest,
  platform: Platform,
): Promise<StoredManifest | undefined> {
  const content = parseManifest(await store.readManifest(target.digest), target.mediaType);
  if (content.kind === "image") return target;
  const here = content.manifests.filter(
    (it) => store.findManifest(target.repository, it.digest) !== undefined,
  );
  try {
    const [chosen] = chooseManifest(here, platform, "index");
    return chosen && store.findManifest(target.repository, chosen.digest);
  } catch {
    // None for this machine: that of any other stands for it, if there is one.
    const [first] = here;
    return first && store.findManifest(target.repository, first.digest);
  }
}

/** Milliseconds since the epoch; zero when the config does not say. */
export function createdAt({ config }: ImageView): number {
  const ms = Date.parse(config.created ?? "");
  return Number.isNaN(ms) ? 0 : ms;
}

/** `2 weeks ago`; of an image that says no time of its own, that it does not. */
export function ageOf(created: string, now: number): string {
  const ms = Date.parse(created);
  return Number.isNaN(ms) || ms === 0 ? "N/A" : formatAge(now - ms);
}
