import { formatSize, formatTable } from "#base/docker-format.ts";
import type { Session } from "#cli/connection.ts";
import { pods } from "#client/kinds.ts";
import { listContainers } from "#containers/find.ts";
import { claimNames } from "#containers/facts.ts";
import { containerStateOf } from "#containers/state.ts";
import { listVolumes } from "#containers/volumes.ts";
import { removeImage } from "#images/verbs/change.ts";
import {
  findImage,
  fullName,
  listRepositories,
  type ImageWorld,
} from "#images/verbs/find-image.ts";
import { viewImage } from "#images/verbs/image-view.ts";
import { familiarName } from "#oci/reference.ts";
import { withImages } from "#main/images/verbs.ts";
import type { Where } from "#main/command-line/options.ts";

interface NamedImage {
  readonly name: string;
  readonly digest: string;
  /** By digest, stored bytes of config and layers. */
  readonly blobs: ReadonlyMap<string, number>;
}

const tagsMax = 100_000;

/** `gantry system df`: images of the store, containers and volumes of the namespace. */
export async function diskUsage(session: Session, where: Where): Promise<string> {
  const [used, all, volumes] = [
    await usedImages(session),
    await listContainers(session),
    await listVolumes(session),
  ];
  const images = await withImages(where, async (world) => {
    const named = await namedImages(world);
    return { named, used: await digestsOf(world, used) };
  });
  const active = images.named.filter((it) => images.used.has(it.digest));
  const total = bytesOf(images.named);
  const free = total - bytesOf(active);
  const share = total === 0 ? 0 : Math.floor((free * 100) / total);
  const ids = new Set(images.named.map((it) => it.digest));
  const activeIds = new Set(active.map((it) => it.digest));
  const running = all.filter((it) => containerStateOf(it).kind === "running");
  const mounted = new Set(all.flatMap(claimNames));
  const inUse = volumes.filter((it) => mounted.has(it.metadata?.name ?? ""));
  return formatTable([
    ["TYPE", "TOTAL", "ACTIVE", "SIZE", "RECLAIMABLE"],
    [
      "Images",
      String(ids.size),
      String(activeIds.size),
      formatSize(total),
      `${formatSize(free)} (${share}%)`,
    ],
    ["Containers", String(all.length), String(running.length), "-", "-"],
    ["Local Volumes", String(volumes.length), String(inUse.length), "-", "-"],
  ]);
}

/** Removes images that nothing uses: those without a name, and with `all` others, too. */
export async function pruneImages(
  session: Session,
  options: Where & { readonly all: boolean },
): Promise<{ readonly lines: readonly string[]; readonly freed: string }> {
  const names = await usedImages(session);
  return await withImages(options, async (world, signal) => {
    const lines: string[] = [];
    const used = await digestsOf(world, names);
    const before = await namedImages(world);
    for (const { name, digest } of before) {
      if (used.has(digest) || (!options.all && !name.startsWith("sha256:"))) continue;
      for await (const line of removeImage(world, name, true)) lines.push(line);
    }
    const freed = bytesOf(before) - bytesOf(await namedImages(world));
    // Blobs that somebody may just be writing to an image stay for an hour.
    await world.store.collect({}, signal);
    return { lines, freed: formatSize(freed) };
  });
}

/** By every pod of the cluster, as they are named there. */
async function usedImages({ cluster, signal }: Session): Promise<ReadonlySet<string>> {
  const { items } = await cluster.client.list(pods, {}, signal);
  return new Set(
    items.flatMap(({ spec }) =>
      [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])].flatMap(
        (it) => it.image ?? [],
      ),
    ),
  );
}

async function digestsOf(
  world: ImageWorld,
  names: ReadonlySet<string>,
): Promise<ReadonlySet<string>> {
  const found = await Promise.all(
    [...names].map((it) => findImage(world, it).catch(() => undefined)),
  );
  return new Set(found.flatMap((it) => it?.digest ?? []));
}

/** Every tag, and every manifest without one by its digest. */
async function namedImages(world: ImageWorld): Promise<readonly NamedImage[]> {
  const { store, platform } = world;
  const found: NamedImage[] = [];
  for (const repository of listRepositories(world)) {
    const own = familiarName(fullName(world, repository));
    const tags = store.listTags(repository, { limit: tagsMax });
    const named = tags.map((it) => ({ name: `${own}:${it.tag}`, digest: it.digest }));
    const tagged = new Set(tags.map((it) => it.digest));
    const others = store
      .listManifests(repository)
      .filter((it) => repository === "none" && !tagged.has(it.digest))
      .map((it) => ({ name: it.digest, digest: it.digest }));
    for (const { name, digest } of [...named, ...others]) {
      const target = store.findManifest(repository, digest);
      const view = target && (await viewImage(store, target, platform));
      if (view === undefined) continue;
      const layers = view.layers.map((it): [string, number] => [it.digest, it.size]);
      found.push({ name, digest, blobs: new Map(layers) });
    }
  }
  return found;
}

/** Layers that several have count once. */
function bytesOf(images: readonly NamedImage[]): number {
  const blobs = new Map(images.flatMap((it) => [...it.blobs]));
  return [...blobs.values()].reduce((sum, it) => sum + it, 0);
}
