import { timeOf } from "#base/amounts.ts";
import { formatSize, shortDigest } from "#base/docker-format.ts";
import { filterOf, hasLabel, isTrueText, type FilterTests } from "#base/docker-filters.ts";
import { compileGlob } from "#base/glob.ts";
import { formatRows } from "#base/go-template/rows.ts";
import type { Fields } from "#base/go-template/values.ts";
import { familiarName } from "#oci/reference.ts";
import { findImage, fullName, listRepositories, type ImageWorld } from "./find-image.ts";
import { ageOf, createdAt, viewImage, type ImageView } from "./image-view.ts";

const tagsMax = 100_000;
const none = "<none>";

/** A line of `gantry images`. */
interface Row {
  readonly repository: string;
  readonly tag: string;
  readonly view: ImageView;
}

export interface ListOptions {
  /** A name, perhaps with a tag and with wildcards; undefined for all. */
  readonly name: string | undefined;
  /** Those without a tag too. */
  readonly all: boolean;
  readonly quiet: boolean;
  readonly digests: boolean;
  readonly noTrunc: boolean;
  /** As `--filter` has them. */
  readonly filter: readonly string[];
  /** `table`, `table {{…}}`, `json`, or a template. */
  readonly format?: string | undefined;
}

const titles = {
  Repository: "REPOSITORY",
  Tag: "TAG",
  ID: "IMAGE ID",
  CreatedSince: "CREATED",
  Size: "SIZE",
};

const { Repository, Tag, ...afterDigest } = titles;
const titlesWithDigest = { Repository, Tag, Digest: "DIGEST", ...afterDigest };

/** What `docker images` prints. @param now in milliseconds since the epoch. @throws {FilterError} */
export async function listImages(
  world: ImageWorld,
  options: ListOptions,
  now: number,
): Promise<string> {
  const { quiet, digests, format = "table" } = options;
  const rows = (await chosenRows(world, options, now)).map((it) => fieldsOf(it, options, now));
  if (quiet && format === "table") {
    return [...new Set(rows.map((it) => `${String(it["ID"])}\n`))].join("");
  }
  return formatRows(rows, digests ? titlesWithDigest : titles, format);
}

function fieldsOf({ repository, tag, view }: Row, { noTrunc }: ListOptions, now: number): Fields {
  const { created = "" } = view.config;
  return {
    ID: noTrunc ? view.id : shortDigest(view.id),
    Repository: repository,
    Tag: tag,
    Digest: view.target.digest,
    CreatedSince: ageOf(created, now),
    CreatedAt: created,
    Size: formatSize(view.sizeBytes),
    VirtualSize: formatSize(view.sizeBytes),
    SharedSize: "N/A",
    UniqueSize: "N/A",
    Containers: "N/A",
  };
}

async function chosenRows(
  world: ImageWorld,
  { name, all, filter }: ListOptions,
  now: number,
): Promise<readonly Row[]> {
  const passes = filterOf(filter, await testsOf(world, filter, now));
  const isWanted = name === undefined ? () => true : matcher(name);
  const asksForDangling = filter.some((it) => it.startsWith("dangling="));
  const rows: Row[] = [];
  for (const repository of listRepositories(world)) {
    rows.push(...(await rowsIn(world, repository, all || asksForDangling)));
  }
  return rows
    .filter((it) => isWanted(it) && passes(it))
    .toSorted(
      (a, b) => createdAt(b.view) - createdAt(a.view) || (a.repository < b.repository ? -1 : 1),
    );
}

/** Whether a pattern means the image's name as people write it, with its tag or without. */
function matcher(pattern: string): (row: Row) => boolean {
  const short = pattern.replace(/^docker\.io\/(library\/)?/, "");
  const glob = compileGlob(short);
  return ({ repository, tag }) => glob.test(repository) || glob.test(`${repository}:${tag}`);
}

async function testsOf(
  world: ImageWorld,
  filters: readonly string[],
  now: number,
): Promise<FilterTests<Row>> {
  const times = new Map<string, number>();
  for (const it of filters) {
    const [, image] = /^(?:before|since)=(.*)$/.exec(it) ?? [];
    if (image !== undefined) times.set(image, await timeOfImage(world, image));
  }
  const timeBy = (image: string): number => times.get(image) ?? 0;
  return {
    before: ({ view }, value) => createdAt(view) < timeBy(value),
    dangling: ({ tag }, value) => (tag === none) === isTrueText(value, "dangling"),
    label: ({ view }, value) => hasLabel(labelsOf(view), value),
    reference: (row, value) => matcher(value)(row),
    since: ({ view }, value) => createdAt(view) > timeBy(value),
    until: ({ view }, value) => createdAt(view) < timeOf(value, now),
  };
}

async function timeOfImage(world: ImageWorld, name: string): Promise<number> {
  const view = await viewImage(world.store, await findImage(world, name), world.platform);
  if (view === undefined) throw new Error(`${name} is no image: it has no config`);
  return createdAt(view);
}

function labelsOf({ config }: ImageView): Readonly<Record<string, unknown>> {
  return (config.config?.["Labels"] ?? {}) as Readonly<Record<string, unknown>>;
}

async function rowsIn(world: ImageWorld, repository: string, all: boolean): Promise<Row[]> {
  const { store, platform } = world;
  const shown = repository === "none" ? none : familiarName(fullName(world, repository));
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
    if (view !== undefined) rows.push({ repository: shown, tag: none, view });
  }
  return rows;
}
