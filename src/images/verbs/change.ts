import {
  familiarName,
  familiarReference,
  formatReference,
  parseReference,
} from "#oci/reference.ts";
import type { StoredManifest } from "#images/store/image-store.ts";
import {
  findImage,
  fullName,
  listRepositories,
  storedName,
  type ImageWorld,
} from "./find-image.ts";
import { viewImage } from "./image-view.ts";

const tagsMax = 100_000;

/** `docker tag`: gives an image another name. @throws {Error} when there is no such image. */
export async function tagImage(world: ImageWorld, source: string, target: string): Promise<void> {
  const to = parseReference(target);
  if (to.digest !== undefined) throw new Error("refusing to create a tag with a digest reference");
  const { repository, digest } = await findImage(world, source);
  await world.store.copyImage(
    { repository, reference: digest },
    { repository: storedName(world, to), reference: to.tag ?? "latest" },
  );
}

/**
 * `docker rmi`: takes a name off an image, and the image away when it was the last. Yields what
 * Docker prints. An id takes all names off, which several need `force` for.
 */
export async function* removeImage(
  world: ImageWorld,
  text: string,
  force: boolean,
): AsyncGenerator<string, void, undefined> {
  const target = await findImage(world, text);
  const isName = isNameOf(world, text, target);
  const names = tagsOf(world, target.digest);
  if (isName) {
    const { tag, digest } = parseReference(text);
    if (digest === undefined && tag !== undefined) {
      await world.store.deleteTag(target.repository, tag);
      yield `Untagged: ${familiarReference(parseReference(text))}`;
      if (names.length > 1) return;
    }
  } else {
    if (names.length > 1 && !force) {
      const digits = text.replace("sha256:", "");
      throw new Error(
        `conflict: unable to delete ${digits} (must be forced) - image is referenced in multiple repositories`,
      );
    }
    for (const { repository, tag } of names) {
      await world.store.deleteTag(repository, tag);
      yield `Untagged: ${familiarName(fullName(world, repository))}:${tag}`;
    }
  }
  yield* removeEverywhere(world, target);
}

/** Removes the manifest, and of an index its manifests, from all repositories. */
async function* removeEverywhere(
  world: ImageWorld,
  target: StoredManifest,
): AsyncGenerator<string, void, undefined> {
  const { store, platform } = world;
  const view = await viewImage(store, target, platform);
  for (const repository of listRepositories(world)) {
    if (!(await store.deleteManifest(repository, target.digest))) continue;
    yield `Untagged: ${familiarName(fullName(world, repository))}@${target.digest}`;
    if (view !== undefined && view.manifest.digest !== target.digest) {
      await store.deleteManifest(repository, view.manifest.digest);
    }
  }
  if (view === undefined) return;
  yield `Deleted: ${view.id}`;
  for (const layer of view.config.rootfs?.diff_ids?.toReversed() ?? []) yield `Deleted: ${layer}`;
}

function tagsOf(
  world: ImageWorld,
  wanted: string,
): { readonly repository: string; readonly tag: string }[] {
  return listRepositories(world).flatMap((repository) =>
    world.store
      .listTags(repository, { limit: tagsMax })
      .filter(({ digest }) => digest === wanted)
      .map(({ tag }) => ({ repository, tag })),
  );
}

/** Whether the text is a name of the image, and not its id. */
function isNameOf(world: ImageWorld, text: string, target: StoredManifest): boolean {
  try {
    const reference = parseReference(text);
    const wanted = reference.digest ?? reference.tag ?? "latest";
    const found = world.store.findManifest(storedName(world, reference), wanted);
    return found?.digest === target.digest && formatReference(reference) !== "";
  } catch {
    return false;
  }
}
