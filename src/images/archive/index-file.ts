import type { ImageStore, StoredManifest } from "#images/store/image-store.ts";
import { isIndexType } from "#oci/media-types.ts";
import { parseManifest, type Descriptor } from "#oci/manifest.ts";
import { formatReference, parseReference, repositoryOf } from "#oci/reference.ts";

/** An image of an OCI layout's `index.json`. */
export interface NamedImage {
  /** Undefined for an image without a name; it is kept under {@link unnamedRepository}. */
  readonly name: string | undefined;
  readonly repository: string;
  readonly tag: string | undefined;
  readonly target: Descriptor;
}

/** An image of `docker save`'s `manifest.json`; the paths are entries of the tar. */
export interface DockerImage {
  readonly configPath: string;
  readonly tags: readonly string[];
  readonly layerPaths: readonly string[];
}

/** What an archive held, in its order. */
export interface LoadedImage {
  /** `docker.io/library/app:1`; undefined for an image without a name. */
  readonly name: string | undefined;
  readonly manifest: StoredManifest;
}

/** Where images lie that have no name. No reference leads here. */
export const unnamedRepository = "none";

/** containerd's annotation has a full name, the specification's a full one or just a tag. */
const nameAnnotations = ["io.containerd.image.name", "org.opencontainers.image.ref.name"];

/** @throws {ManifestError} when it is no index. @throws {ReferenceError} for a name that is none. */
export function namedImages(index: unknown): NamedImage[] {
  const { manifests } = parseManifest(
    Buffer.from(JSON.stringify({ schemaVersion: 2, ...record(index) })),
  );
  return manifests.map((target) => {
    const name = nameAnnotations
      .map((it) => target.annotations?.[it] ?? "")
      .find((it) => /[/:]/.test(it));
    if (name === undefined) {
      return { name, repository: unnamedRepository, tag: undefined, target };
    }
    const reference = parseReference(name);
    const { tag } = reference;
    return { name: formatReference(reference), repository: repositoryOf(reference), tag, target };
  });
}

/** Reads `manifest.json` of `docker save`. */
export function dockerImages(manifest: unknown): DockerImage[] {
  if (!Array.isArray(manifest)) return [];
  return manifest.map(record).flatMap((it) => {
    const { Config: configPath, RepoTags: tags, Layers: layerPaths } = it;
    if (typeof configPath !== "string" || !isStrings(layerPaths)) return [];
    return [{ configPath, tags: isStrings(tags) ? tags : [], layerPaths }];
  });
}

/** A manifest whose bytes are a blob already, and those it points to that are there as well. */
export async function readManifestTree(
  store: ImageStore,
  target: Descriptor,
): Promise<{ readonly bytes: Buffer; readonly children: readonly Descriptor[] }> {
  const bytes = await store.readManifest(target.digest);
  if (!isIndexType(target.mediaType)) return { bytes, children: [] };
  const children: Descriptor[] = [];
  for (const child of parseManifest(bytes, target.mediaType).manifests) {
    if ((await store.findBlob(child.digest)) !== undefined) children.push(child);
  }
  return { bytes, children };
}

function record(value: unknown): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return {};
  return { ...value };
}

function isStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((it) => typeof it === "string");
}
