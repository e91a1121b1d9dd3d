import { familiarName, familiarReference, parseReference } from "#oci/reference.ts";
import { findImage, fullName, listRepositories, type ImageWorld } from "./find-image.ts";
import { viewImage, type ImageView } from "./image-view.ts";

const tagsMax = 100_000;

/** What `docker image inspect` prints: an array, with Docker's fields. @throws {Error} for none. */
export async function inspectImages(
  world: ImageWorld,
  names: readonly string[],
): Promise<readonly object[]> {
  const described: object[] = [];
  for (const name of names) {
    const target = await findImage(world, name);
    const view = await viewImage(world.store, target, world.platform);
    if (view === undefined) throw new Error(`${name} is no image: it has no config`);
    described.push(describe(world, view));
  }
  return described;
}

function describe(world: ImageWorld, view: ImageView): object {
  const { config, id, sizeBytes, target } = view;
  const { tags, digests, tagTime } = namesOf(world, view);
  return {
    Id: id,
    RepoTags: tags,
    RepoDigests: digests,
    Parent: "",
    Comment: config.history?.at(-1)?.comment ?? "",
    Created: config.created ?? "",
    DockerVersion: "",
    Author: config.author ?? "",
    Config: config.config ?? {},
    Architecture: config.architecture ?? "",
    ...(config.variant === undefined ? {} : { Variant: config.variant }),
    Os: config.os ?? "",
    Size: sizeBytes,
    RootFS: { Type: config.rootfs?.type ?? "layers", Layers: config.rootfs?.diff_ids ?? [] },
    Metadata: { LastTagTime: new Date(tagTime).toISOString() },
    Descriptor: { mediaType: target.mediaType, digest: target.digest, size: target.sizeBytes },
  };
}

/** Every name of the same image, in whatever repository. */
function namesOf(
  world: ImageWorld,
  { target, manifest }: ImageView,
): { readonly tags: string[]; readonly digests: string[]; readonly tagTime: number } {
  const tags: string[] = [];
  const digests: string[] = [];
  let tagTime = target.putAt;
  const same = new Set([target.digest, manifest.digest]);
  for (const repository of listRepositories(world)) {
    const name = familiarName(fullName(world, repository));
    for (const { tag, digest, putAt } of world.store.listTags(repository, { limit: tagsMax })) {
      if (!same.has(digest)) continue;
      tags.push(familiarReference(parseReference(`${name}:${tag}`)));
      digests.push(`${name}@${digest}`);
      tagTime = Math.max(tagTime, putAt);
    }
  }
  return { tags, digests: [...new Set(digests)], tagTime };
}
