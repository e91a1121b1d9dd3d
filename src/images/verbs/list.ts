import { familiarName, parseReference } from "#oci/reference.ts";
import {
  findImage,
  fullName,
  listRepositories,
  storedName,
  type ImageWorld,
} from "./find-image.ts";
import { ellipsis, formatAge, formatSize, formatTable, shortDigest } from "#base/docker-format.ts";
import { createdAt, viewImage, type ImageView } from "./image-view.ts";

const tagsMax = 100_000;
const commandWidth = 45;
const epochMs = 0;

/** A line of `gantry images`. */
interface Row {
  readonly repository: string;
  readonly tag: string;
  readonly view: ImageView;
}

export interface ListOptions {
  /** A name, perhaps with a tag; undefined for all. */
  readonly name: string | undefined;
  /** Those without a tag too. */
  readonly all: boolean;
  readonly quiet: boolean;
  readonly digests: boolean;
  readonly noTrunc: boolean;
}

/** What `docker images` prints. @param now in milliseconds since the epoch. */
export async function listImages(
  world: ImageWorld,
  options: ListOptions,
  now: number,
): Promise<string> {
  const rows = await rowsOf(world, options);
  const idOf = (view: ImageView): string => (options.noTrunc ? view.id : shortDigest(view.id));
  if (options.quiet) {
    return [...new Set(rows.map((it) => idOf(it.view)))].map((it) => `${it}\n`).join("");
  }
  const digestHead = options.digests ? ["DIGEST"] : [];
  const head = ["REPOSITORY", "TAG", ...digestHead, "IMAGE ID", "CREATED", "SIZE"];
  const lines = rows.map(({ repository, tag, view }) => [
    repository,
    tag,
    ...(options.digests ? [view.target.digest] : []),
    idOf(view),
    ageOf(createdAt(view), now),
    formatSize(view.sizeBytes),
  ]);
  return formatTable([head, ...lines]);
}

/** What `docker history` prints. */
export async function showHistory(
  world: ImageWorld,
  text: string,
  options: { readonly noTrunc: boolean; readonly quiet: boolean; readonly now: number },
): Promise<string> {
  const view = await viewImage(world.store, await findImage(world, text), world.platform);
  if (view === undefined) throw new Error(`${text} is no image: it has no config`);
  const layers = view.layers.values();
  const entries = (view.config.history ?? []).map((entry) => {
    const layer = entry.empty_layer === true ? undefined : layers.next().value;
    return { entry, sizeBytes: layer?.size ?? 0 };
  });
  const rows = entries.toReversed().map(({ entry, sizeBytes }, index) => {
    const id = index === 0 ? view.id : "<missing>";
    const command = (entry.created_by ?? "").replaceAll("\t", " ");
    return [
      options.noTrunc || index > 0 ? id : shortDigest(id),
      ageOf(Date.parse(entry.created ?? "") || epochMs, options.now),
      options.noTrunc ? command : ellipsis(command, commandWidth),
      formatSize(sizeBytes),
      entry.comment ?? "",
    ];
  });
  if (options.quiet) return rows.map(([id = ""]) => `${id}\n`).join("");
  return formatTable([["IMAGE", "CREATED", "CREATED BY", "SIZE", "COMMENT"], ...rows]);
}

async function rowsOf(world: ImageWorld, { name, all }: ListOptions): Promise<readonly Row[]> {
  const wanted = name === undefined ? undefined : parseReference(name);
  const only = wanted && storedName(world, wanted);
  const onlyTag = name !== undefined && /:[^/]*$/.test(name) ? wanted?.tag : undefined;
  const rows: Row[] = [];
  for (const repository of listRepositories(world)) {
    if (only !== undefined && repository !== only) continue;
    rows.push(...(await rowsIn(world, repository, all)));
  }
  return rows
    .filter((it) => onlyTag === undefined || it.tag === onlyTag)
    .toSorted(
      (a, b) => createdAt(b.view) - createdAt(a.view) || (a.repository < b.repository ? -1 : 1),
    );
}

async function rowsIn(world: ImageWorld, repository: string, all: boolean): Promise<Row[]> {
  const { store, platform } = world;
  const shown = repository === "none" ? "<none>" : familiarName(fullName(world, repository));
  const rows: Row[] = [];
  const tagged = new Set<string>();
  for (const { tag, digest } of store.listTags(repository, { limit: tagsMax })) {
    const target = store.findManifest(repository, digest);
    const view = target && (await viewImage(store, target, platform));
    if (view === undefined) continue;
    tagged.add(view.manifest.digest).add(digest);
    rows.push({ repository: shown, tag, view });
  }
  if (!all && repository !== "none") return rows;
  for (const target of store.listManifests(repository)) {
    if (tagged.has(target.digest)) continue;
    const view = await viewImage(store, target, platform);
    if (view !== undefined) rows.push({ repository: shown, tag: "<none>", view });
  }
  return rows;
}

/** An image that says no time of its own says nothing. */
function ageOf(at: number, now: number): string {
  return at === epochMs ? "N/A" : formatAge(now - at);
}
