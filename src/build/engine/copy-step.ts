import { basename } from "node:path";
import { stepKey, type StepKey } from "#build/cache/key.ts";
import type { StepRecord } from "#build/cache/step-cache.ts";
import { fileEntries, fingerprint, parentEntries, type FileChanges } from "#build/copy/entries.ts";
import {
  parentsOf,
  placeSelection,
  resolveDestination,
  type Destination,
  type PlacedFile,
} from "#build/copy/place.ts";
import { select, type CopySource, type Selection } from "#build/copy/select.ts";
import { cloneRepository } from "#build/git/clone.ts";
import { IgnoreMatcher } from "#build/paths/ignore.ts";
import { resolveOwner } from "#oci/user.ts";
import { isGitUrl, isUrl } from "#build/stage/evaluate-copy.ts";
import { parseModeChange } from "#build/stage/mode.ts";
import type { CopyOperation, DirectoryOperation } from "#build/stage/operations.ts";
import type { WriteEntry } from "#build/tar/write.ts";
import type { LayeredTree } from "#build/tree/layered.ts";
import { accountsOf } from "./accounts.ts";
import {
  archiveEntries,
  downloadFile,
  hostFileEntry,
  inlineEntry,
  isArchive,
  recordFiles,
  type StepResult,
} from "./build-files.ts";
import type { BuildWorld } from "./world.ts";

export interface CopyRequest {
  readonly operation: CopyOperation;
  /** What files are copied from. */
  readonly source: CopySource;
  /** What the source was made from; undefined for the context, of which files are looked at. */
  readonly sourceKey: StepKey | undefined;
  /** The image so far. */
  readonly tree: () => Promise<LayeredTree | undefined>;
  readonly parentKey: StepKey;
  readonly noCache: boolean;
  readonly epoch: number | undefined;
}

/** Copies of the context belong to root, whoever owns the files there. */
const contextOwner = { uid: 0, gid: 0 };

/** COPY and ADD. @throws {Error} */
export async function copyStep(
  request: CopyRequest,
  world: BuildWorld,
  signal: AbortSignal,
): Promise<StepResult> {
  const { operation } = request;
  const shape = shapeKey(request);
  const isLocal = !operation.sources.some((it) => isUrl(it) || isGitUrl(it));
  if (isLocal && request.sourceKey !== undefined) {
    const alias = stepKey("copy", shape, request.sourceKey);
    const known = request.noCache ? undefined : await findCopy(alias, world, signal);
    if (known !== undefined) return { record: known, cached: true, foundUnder: alias };
    const result = await copyFiles(request, await plan(request, world, signal), world, signal);
    world.cache.addAlias(alias, result.record.key);
    return { ...result, foundUnder: alias };
  }
  const planned = await plan(request, world, signal);
  const look = isLocal
    ? fingerprint(
        planned.flatMap((it) => it.files),
        world.clock.now(),
      )
    : undefined;
  const alias = look === undefined ? undefined : stepKey("copy", shape, look);
  const known =
    request.noCache || alias === undefined
      ? undefined
      : world.cache.findAlias(alias, world.session);
  if (known !== undefined) return { record: known, cached: true };
  const result = await copyFiles(request, planned, world, signal);
  if (alias !== undefined) world.cache.addAlias(alias, result.record.key);
  return result;
}

async function findCopy(
  alias: StepKey,
  world: BuildWorld,
  signal: AbortSignal,
): Promise<StepRecord | undefined> {
  await world.bringStep(alias, signal);
  return world.cache.findAlias(alias, world.session);
}

/** What a COPY does, but for what the files hold. */
function shapeKey({ operation, parentKey, epoch }: CopyRequest): StepKey {
  const { isAdd, sources, inline, destination, chown, chmod, link, parents } = operation;
  const { excludes, unpack, keepGitDir } = operation;
  return stepKey(
    { isAdd, sources, inline, destination, chown, chmod, parents, excludes },
    { unpack, keepGitDir, epoch },
    link ? "" : parentKey,
  );
}

/** One source, found. */
interface PlannedSource {
  /** The directory that has to be there. */
  readonly directory: readonly string[];
  readonly files: readonly PlacedFile[];
  /** Instead of files, or besides. */
  readonly more: (changes: FileChanges) => AsyncIterable<WriteEntry> | Iterable<WriteEntry>;
}

async function plan(
  request: CopyRequest,
  world: BuildWorld,
  signal: AbortSignal,
): Promise<PlannedSource[]> {
  const { operation } = request;
  const tree = operation.link ? undefined : await request.tree();
  const destination: Destination = { tree, path: operation.destination };
  const planned: PlannedSource[] = [];
  for (const source of operation.sources) {
    if (isGitUrl(source))
      planned.push(await planRepository(source, request, { world, destination, signal }));
    else if (isUrl(source))
      planned.push(await planDownload(source, request, { world, destination, signal }));
    else planned.push(...(await planFiles(source, request, destination, signal)));
  }
  const mtime = request.epoch ?? Math.floor(world.clock.now() / 1000);
  for (const { name, content } of operation.inline) {
    const { names, entry } = resolveDestination(destination);
    const isDirectory = operation.destination.endsWith("/") || entry?.stats.isDirectory() === true;
    const target = isDirectory ? [...names, name] : names;
    planned.push({
      directory: target.slice(0, -1),
      files: [],
      more: (changes) => [inlineEntry(target.join("/"), content, changes, mtime)],
    });
  }
  return planned;
}

interface PlanWorld {
  readonly world: BuildWorld;
  readonly destination: Destination;
  readonly signal: AbortSignal;
}

function nothing(): WriteEntry[] {
  return [];
}

async function planFiles(
  text: string,
  { operation, source }: CopyRequest,
  destination: Destination,
  signal: AbortSignal,
): Promise<PlannedSource[]> {
  const { excludes, parents } = operation;
  const matcher = excludes.length === 0 ? undefined : new IgnoreMatcher(excludes);
  const planned: PlannedSource[] = [];
  for (const selection of select(source, text, { excludes: matcher, parents })) {
    const unpacks = operation.unpack ?? operation.isAdd;
    if (unpacks && (await isUnpackable(selection, signal))) {
      planned.push(planArchive(selection.source.hostPath, destination, signal));
    } else planned.push({ ...placeSelection(selection, destination, parents), more: nothing });
  }
  return planned;
}

async function isUnpackable({ source }: Selection, signal: AbortSignal): Promise<boolean> {
  return source.stats.isFile() && (await isArchive(source.hostPath, signal));
}

/** An archive's destination is a directory, whatever its name. */
function planArchive(
  hostPath: string,
  destination: Destination,
  signal: AbortSignal,
): PlannedSource {
  const { names } = resolveDestination(destination);
  return {
    directory: names,
    files: [],
    more: (changes) => archiveEntries(hostPath, names.join("/"), changes, signal),
  };
}

async function planDownload(
  url: string,
  { operation }: CopyRequest,
  { world, destination, signal }: PlanWorld,
): Promise<PlannedSource> {
  const { hostPath, mtime } = await downloadFile(url, operation.checksum, world, signal);
  if (operation.unpack === true && (await isArchive(hostPath, signal))) {
    return planArchive(hostPath, destination, signal);
  }
  const { names, entry } = resolveDestination(destination);
  const isDirectory = operation.destination.endsWith("/") || entry?.stats.isDirectory() === true;
  const name = basename(new URL(url).pathname);
  if (isDirectory && name === "") {
    throw new Error(
      `cannot determine filename for source ${url}: name the file in the destination`,
    );
  }
  const target = isDirectory ? [...names, name] : names;
  return {
    directory: target.slice(0, -1),
    files: [],
    more: (changes) => [hostFileEntry(hostPath, target.join("/"), changes, { mode: 0o600, mtime })],
  };
}

async function planRepository(
  url: string,
  { operation }: CopyRequest,
  { world, destination, signal }: PlanWorld,
): Promise<PlannedSource> {
  const { checksum, keepGitDir } = operation;
  const tree = await cloneRepository({ url, checksum, keepGitDir }, world, signal);
  const [selection] = select({ tree, ignore: undefined }, ".", {
    excludes: undefined,
    parents: false,
  });
  if (selection === undefined) return { directory: [], files: [], more: nothing };
  return { ...placeSelection(selection, destination, false), more: nothing };
}

async function copyFiles(
  request: CopyRequest,
  planned: readonly PlannedSource[],
  world: BuildWorld,
  signal: AbortSignal,
): Promise<StepResult> {
  const { operation } = request;
  const tree = operation.link ? undefined : await request.tree();
  const chown =
    operation.chown === ""
      ? undefined
      : resolveOwner(operation.chown, accountsOf(await request.tree()));
  const fromContext = request.sourceKey === undefined;
  const changes: FileChanges = {
    owner: chown ?? (fromContext ? contextOwner : undefined),
    mode: operation.chmod === "" ? undefined : parseModeChange(operation.chmod),
  };
  const created: FileChanges = { ...changes, owner: chown };
  const now = request.epoch ?? Math.floor(world.clock.now() / 1000);
  const parents = parentsOf(
    planned.map((it) => it.directory),
    tree,
  );
  const files = planned.flatMap((it) => it.files);
  async function* entries(): AsyncGenerator<WriteEntry, void, undefined> {
    yield* parentEntries(parents, created, now);
    yield* fileEntries(files, changes, signal);
    // An archive's files keep the owners it says.
    for (const { more } of planned) yield* more(created);
  }
  return await recordFiles(entries(), operation.title, world, signal);
}

/** WORKDIR: makes the directory, and those above it, for the image's user. @throws {Error} */
export async function directoryStep(
  operation: DirectoryOperation,
  request: Pick<CopyRequest, "tree" | "parentKey" | "epoch">,
  world: BuildWorld,
  signal: AbortSignal,
): Promise<StepResult> {
  const alias = stepKey("directory", request.parentKey, operation.path, operation.user);
  const known = await findCopy(alias, world, signal);
  if (known !== undefined) return { record: known, cached: true, foundUnder: alias };
  const tree = await request.tree();
  const { names, entry } = resolveDestination({ tree, path: operation.path });
  if (entry !== undefined && !entry.stats.isDirectory()) {
    throw new Error(`${operation.path} is a file, and cannot be the working directory`);
  }
  const owner = operation.user === "" ? undefined : resolveOwner(operation.user, accountsOf(tree));
  const now = request.epoch ?? Math.floor(world.clock.now() / 1000);
  async function* entries(): AsyncGenerator<WriteEntry, void, undefined> {
    if (entry === undefined) {
      yield* parentEntries(parentsOf([names], tree), { owner, mode: undefined }, now);
    }
  }
  const result = await recordFiles(entries(), operation.title, world, signal);
  world.cache.addAlias(alias, result.record.key);
  return { ...result, cached: false, foundUnder: alias };
}
