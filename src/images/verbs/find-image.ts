import { formatReference, parseReference, ReferenceError, repositoryOf } from "#oci/reference.ts";
import type { Platform } from "#oci/manifest.ts";
import type { ImageStore, StoredManifest } from "#images/store/image-store.ts";
import { viewImage } from "./image-view.ts";

/** What commands on images work with. */
export interface ImageWorld {
  readonly store: ImageStore;
  readonly platform: Platform;
  /** `localhost:5000`: our own registry's name, under which its images are shown. */
  readonly ownName: string;
  readonly isOwnName: (host: string) => boolean;
}

/** Repositories of a store that are looked through for an id. */
const repositoriesMax = 100_000;
const idPattern = /^(?:sha256:)?([0-9a-f]{4,64})$/;

/** Where the store keeps images of a whole name: our own registry's under their path alone. */
export function storedName(
  { isOwnName }: Pick<ImageWorld, "isOwnName">,
  { domain, path }: { readonly domain: string; readonly path: string },
): string {
  return isOwnName(domain)
    ? path
    : repositoryOf({ domain, path, tag: undefined, digest: undefined });
}

/** The whole name of what the store keeps; see {@link storedName}. */
export function fullName({ ownName }: Pick<ImageWorld, "ownName">, repository: string): string {
  const first = repository.slice(0, Math.max(repository.indexOf("/"), 0));
  const hasDomain = /[.:]/.test(first) || first === "localhost";
  return hasDomain ? repository : `${ownName}/${repository}`;
}

/**
 * The image of a name, or of the beginning of an id or of a digest.
 * @throws {Error} as Docker says it, when there is none, or several begin so.
 */
export async function findImage(world: ImageWorld, text: string): Promise<StoredManifest> {
  const named = findNamed(world, text);
  if (named !== undefined) return named;
  const [, digits] = idPattern.exec(text) ?? [];
  const found = digits === undefined ? [] : await findById(world, digits);
  const [first] = found;
  if (first === undefined) throw new Error(`No such image: ${nameFor(text)}`);
  const ids = new Set(found.map((it) => it.id));
  if (ids.size > 1) throw new Error(`multiple images begin with '${text}': write more of the id`);
  return first.manifest;
}

export function listRepositories({ store }: ImageWorld): readonly string[] {
  return store.listRepositories({ limit: repositoriesMax });
}

function findNamed(world: ImageWorld, text: string): StoredManifest | undefined {
  try {
    const reference = parseReference(text);
    const repository = storedName(world, reference);
    return world.store.findManifest(repository, reference.digest ?? reference.tag ?? "latest");
  } catch (error) {
    if (error instanceof ReferenceError) return undefined;
    throw error;
  }
}

async function findById(
  world: ImageWorld,
  digits: string,
): Promise<{ readonly id: string; readonly manifest: StoredManifest }[]> {
  const found: { id: string; manifest: StoredManifest }[] = [];
  for (const repository of listRepositories(world)) {
    for (const manifest of world.store.listManifests(repository)) {
      const view = await viewImage(world.store, manifest, world.platform);
      const ids = [manifest.digest, ...(view === undefined ? [] : [view.id])];
      if (ids.some((it) => it.startsWith(`sha256:${digits}`))) {
        found.push({ id: view?.id ?? manifest.digest, manifest });
      }
    }
  }
  return found;
}

function nameFor(text: string): string {
  try {
    return formatReference(parseReference(text)).replace(/^docker\.io\/(library\/)?/, "");
  } catch {
    return text;
  }
}
