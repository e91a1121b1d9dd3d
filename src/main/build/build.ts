import { createWriteStream } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { availableParallelism, homedir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { systemClock } from "#base/clock.ts";
import { describeError, silentLogger } from "#base/log.ts";
import { describeDockerfileError, DockerfileError } from "#build/dockerfile/location.ts";
import type { NamedContexts } from "#build/engine/named-contexts.ts";
import { buildStages, storeImage, type BuiltStages } from "#build/engine/build.ts";
import { exportSteps } from "#build/engine/export-steps.ts";
import { openImports } from "#build/engine/import-steps.ts";
import { openBuild } from "#build/engine/open.ts";
import { treeOf, type StageResult } from "#build/engine/stack.ts";
import type { BuildOptions, BuildWorld, Download } from "#build/engine/world.ts";
import { dockerEntries, ociEntries } from "#build/output/archive.ts";
import { fileSystemEntries } from "#build/output/file-system.ts";
import type { BuiltImage } from "#build/image/assemble.ts";
import type { Platform } from "#build/stage/state.ts";
import { writeTar, type WriteEntry } from "#build/tar/write.ts";
import {
  familiarReference,
  formatReference,
  parseReference,
  type ImageReference,
} from "#oci/reference.ts";
import { stepSource, writeCache, writeDirectory } from "./cache.ts";
import { parseCacheFrom, parseCacheTo, type CacheTo } from "./cache-options.ts";
import { checkBuild, listTargets } from "./check.ts";
import { readContexts, readInput, type BuildInput } from "./input.ts";
import { limitsOf } from "./limits.ts";
import {
  parseAnnotations,
  parseEpoch,
  parseHost,
  parseOutput,
  parsePairs,
  parseSecret,
  parseSsh,
  refuseAttestation,
  type BuildCommandOptions,
  type Output,
} from "./options.ts";
import { hostPlatform } from "#main/process/host-platform.ts";
import { ownNames, registryPortOf } from "#main/images/registry-names.ts";
import { openLastingLease } from "#images/store/lasting-lease.ts";
import { storedName } from "#images/verbs/find-image.ts";
import { showBuild, type ShownBuild } from "./progress.ts";
import { openImages } from "#main/images/open-images.ts";
import { pathsBelow, runDirectoryOf } from "#main/process/paths.ts";
import { stopSignal } from "#main/process/stop-signal.ts";

const parallelMin = 2;

/** `gantry build`. Resolves with the exit code. */
export async function build(context: string, options: BuildCommandOptions): Promise<number> {
  using stop = stopSignal("the build was interrupted");
  return await buildHere(context, options, stop.signal);
}

async function buildHere(
  context: string,
  options: BuildCommandOptions,
  signal: AbortSignal,
): Promise<number> {
  if (process.getuid?.() !== 0)
    throw new Error("gantry build needs root: it mounts layers and runs containers");
  const outputs = [...options.output, ...(options.push ? ["type=registry"] : [])].map(parseOutput);
  const names = options.tag.map(parseReference);
  refuseAttestation("provenance", options.provenance);
  refuseAttestation("sbom", options.sbom);
  const cacheFrom = options.cacheFrom.map(parseCacheFrom);
  const platform = hostPlatform(options.platform);
  const buildOptions = optionsOf(options);
  const paths = pathsBelow(options.dataDir, runDirectoryOf(options.dataDir));
  await using store = await openImages(paths, silentLogger);
  await using lease = await openLastingLease(store, "build", systemClock);
  await using open = await openBuild(join(paths.data, "build"), systemClock, options.cacheSize);
  const isOwnName = ownNames(await registryPortOf(paths), []);
  const keepGitDir = isSet(buildOptions.buildArgs.get("BUILDKIT_CONTEXT_KEEP_GIT_DIR"));
  const gitAccess = gitAccessOf(buildOptions);
  const about = { file: options.file, keepGitDir, gitAccess };
  const input = await readInput(context, about, open.session, signal);
  const places = { store, lease, session: open.session };
  const contexts = await readContexts(options.buildContext, about, places, signal);
  const world: Omit<BuildWorld, "progress" | "bringStep"> = {
    ...open,
    store,
    lease,
    clock: systemClock,
    download,
    gitAccess,
    repositoryOf: (reference) => storedName({ isOwnName }, reference),
    pull: async (reference, wanted, stop) => {
      const { pullBase } = await import("./registry.ts");
      await pullBase(store, reference, wanted, stop);
    },
  };
  try {
    if (options.call === "targets") return listTargets(input);
    if (options.check || options.call === "check") {
      const { buildArgs } = buildOptions;
      const request = { input, contexts, platform, target: options.target, buildArgs };
      return await checkBuild(request, world, signal);
    }
    const shown = showBuild(options.quiet ? "quiet" : options.progress);
    const run: BuildRun = {
      input,
      contexts,
      options,
      buildOptions,
      platform,
      names,
      outputs,
      cacheTo: cacheTargets(options, buildOptions),
      shown,
    };
    const { book: progress } = shown;
    const warn = progress.warn.bind(progress);
    const imports = await openImports(cacheFrom.map(stepSource), warn, signal);
    const bringStep: BuildWorld["bringStep"] = (key, stop) => imports.bring(key, world, stop);
    return await runBuild(run, { ...world, progress, bringStep }, signal);
  } catch (error) {
    if (!(error instanceof DockerfileError)) throw error;
    process.stderr.write(`${describeDockerfileError(error, input.name, input.dockerfile)}\n`);
    return 1;
  }
}

function gitAccessOf({ secrets, sshSockets }: BuildOptions): BuildWorld["gitAccess"] {
  const knownHosts = join(homedir(), ".ssh", "known_hosts");
  return { secrets, sshSocket: sshSockets.get("default"), knownHosts };
}

function cacheTargets(
  { cacheTo }: BuildCommandOptions,
  { buildArgs }: BuildOptions,
): readonly CacheTo[] {
  const isInline = isSet(buildArgs.get("BUILDKIT_INLINE_CACHE"));
  return [...cacheTo, ...(isInline ? ["type=inline"] : [])].map(parseCacheTo);
}

function isSet(text: string | undefined): boolean {
  return text === "1" || text === "true";
}

interface BuildRun {
  readonly input: BuildInput;
  readonly contexts: NamedContexts;
  readonly options: BuildCommandOptions;
  readonly buildOptions: BuildOptions;
  readonly platform: Platform;
  readonly names: readonly ImageReference[];
  readonly outputs: readonly Output[];
  readonly cacheTo: readonly CacheTo[];
  readonly shown: ShownBuild;
}

async function runBuild(run: BuildRun, world: BuildWorld, signal: AbortSignal): Promise<number> {
  const { input, options, buildOptions, platform, shown } = run;
  const isImage = (it: Output): boolean => it.type !== "local" && it.type !== "tar";
  const wantsImage = run.outputs.length === 0 || run.outputs.some(isImage);
  let exported: ExportedImage | undefined;
  try {
    const request = {
      dockerfile: input.dockerfile,
      context: input.context,
      contexts: run.contexts,
      platform,
      target: options.target,
      options: buildOptions,
      parallel: Math.max(availableParallelism(), parallelMin),
      layers: wantsImage,
    };
    const built = await buildStages(request, world, signal);
    if (wantsImage) exported = await exportImage(run, built, world, signal);
    for (const output of run.outputs)
      await exportFiles(output, built.result, run, { world, signal });
    await exportCache(run, built, world, signal);
  } finally {
    await shown[Symbol.asyncDispose]();
    printFailure(shown);
  }
  if (exported === undefined) return 0;
  if (options.iidfile !== undefined) await writeFile(options.iidfile, exported.digest);
  if (options.metadataFile !== undefined) {
    await writeFile(
      options.metadataFile,
      `${JSON.stringify(metadataOf(run, exported), null, 2)}\n`,
    );
  }
  process.stdout.write(`${exported.digest}\n`);
  return 0;
}

/** The end of what the failed step printed, if the display has not shown it. */
function printFailure({ book }: ShownBuild): void {
  const { failed } = book;
  if (failed === undefined || failed.lines.length === 0) return;
  process.stderr.write(`------\n > ${failed.title}:\n${failed.lines.join("\n")}\n------\n`);
}

interface ExportedImage {
  /** Of its manifest. */
  readonly digest: string;
  readonly configDigest: string;
}

/** What --metadata-file has, under the names that BuildKit gives it. */
function metadataOf({ names }: BuildRun, { digest, configDigest }: ExportedImage): object {
  return {
    "containerimage.config.digest": configDigest,
    "containerimage.digest": digest,
    ...(names.length === 0 ? {} : { "image.name": names.map(formatReference).join(",") }),
  };
}

/** Names the image and writes it where it is wanted. */
async function exportImage(
  run: BuildRun,
  { result, own }: BuiltStages,
  world: BuildWorld,
  signal: AbortSignal,
): Promise<ExportedImage> {
  const step = world.progress.step("exporting to image");
  const { buildOptions: options, cacheTo } = run;
  try {
    const isInline = cacheTo.some((it) => it.type === "inline");
    const inline = isInline ? await exportSteps(own, options.epoch, world, signal) : undefined;
    const image = await storeImage(result, { options, inline }, world, signal);
    const digest = await nameImage(image, run.names, world);
    for (const output of run.outputs) {
      if (output.type === "registry") await pushAll(run.names, world, signal);
      if (output.type !== "oci" && output.type !== "docker") continue;
      const archive = {
        image,
        manifestDigest: digest,
        names: run.names.map(formatReference),
        familiarNames: run.names.map(familiarReference),
      };
      const entries =
        output.type === "oci"
          ? ociEntries(archive, world.store)
          : dockerEntries(archive, world.store);
      if (output.unpacked) await writeDirectory(entries, output.destination, signal);
      else await writeArchive(entries, output.destination, signal);
    }
    step.done();
    return { digest, configDigest: image.config.digest };
  } catch (error) {
    step.fail(error);
    throw error;
  }
}

async function exportCache(
  { cacheTo, buildOptions }: BuildRun,
  built: BuiltStages,
  world: BuildWorld,
  signal: AbortSignal,
): Promise<void> {
  const with_ = { world, epoch: buildOptions.epoch };
  for (const to of cacheTo) {
    if (to.type === "inline") continue;
    try {
      await writeCache(to, built, with_, signal);
    } catch (error) {
      signal.throwIfAborted();
      if (!to.ignoreError) throw error;
      world.progress.warn(`--cache-to ${to.destination}: ${describeError(error)}`);
    }
  }
}

async function pushAll(
  names: readonly ImageReference[],
  { store, repositoryOf }: BuildWorld,
  signal: AbortSignal,
): Promise<void> {
  if (names.length === 0)
    throw new Error("--output type=registry needs a name: give it with --tag");
  const { pushBuilt } = await import("./registry.ts");
  for (const name of names) await pushBuilt(store, name, repositoryOf(name), signal);
}

/** Where images are that have no name: they can be found by their digest. */
const namelessRepository = "localhost/build";

async function nameImage(
  image: BuiltImage,
  names: readonly ImageReference[],
  { store, repositoryOf }: BuildWorld,
): Promise<string> {
  let digest = "";
  const repositories = new Map<string, string[]>();
  for (const name of names) {
    const repository = repositoryOf(name);
    repositories.set(repository, [...(repositories.get(repository) ?? []), name.tag ?? "latest"]);
  }
  if (repositories.size === 0) repositories.set(namelessRepository, []);
  for (const [repository, tags] of repositories) {
    const stored = await store.putManifest({ repository, bytes: image.manifest, tags });
    digest = stored.digest;
  }
  return digest;
}

async function exportFiles(
  output: Output,
  result: StageResult,
  run: BuildRun,
  { world, signal }: { readonly world: BuildWorld; readonly signal: AbortSignal },
): Promise<void> {
  if (output.type !== "local" && output.type !== "tar") return;
  const tree = await treeOf(result.stack, world);
  const entries = fileSystemEntries(tree, run.buildOptions.epoch, signal);
  if (output.type === "tar") {
    await writeArchive(entries, output.destination, signal);
    return;
  }
  await writeDirectory(entries, output.destination, signal);
}

async function writeArchive(
  entries: AsyncIterable<WriteEntry>,
  destination: string,
  signal: AbortSignal,
): Promise<void> {
  const sink: Writable =
    destination === "-"
      ? new Writable({
          write: (chunk, _encoding, done) => void process.stdout.write(chunk as Buffer, done),
        })
      : createWriteStream(destination);
  await pipeline(writeTar(entries), sink, { signal });
}

function optionsOf(options: BuildCommandOptions): BuildOptions {
  const buildArgs = parsePairs(options.buildArg, (name) => process.env[name]);
  const epochText = buildArgs.get("SOURCE_DATE_EPOCH") ?? process.env["SOURCE_DATE_EPOCH"];
  return {
    buildArgs,
    noCache: !options.cache,
    pull: options.pull,
    secrets: new Map(
      options.secret.map(parseSecret).map((it) => [it.id, () => readSecret(it.file, it.variable)]),
    ),
    sshSockets: new Map(
      options.ssh.map(parseSsh).map(({ id, socket }) => {
        const path = socket ?? process.env["SSH_AUTH_SOCK"];
        if (path === undefined)
          throw new Error("--ssh: there is no agent: SSH_AUTH_SOCK is not set");
        return [id, path];
      }),
    ),
    noCacheStages: new Set(options.cacheFilter.map((it) => it.toLowerCase())),
    network: options.network,
    extraHosts: options.addHost.map(parseHost),
    allowInsecure: options.allow.includes("security.insecure"),
    limits: limitsOf(options),
    labels: parsePairs(options.label, () => ""),
    annotations: parseAnnotations(options.annotation),
    epoch: parseEpoch(epochText),
  };
}

async function readSecret(file: string | undefined, variable: string | undefined): Promise<Buffer> {
  if (file !== undefined) return await readFile(file);
  const value = variable === undefined ? undefined : process.env[variable];
  if (value === undefined) throw new Error(`--secret: the variable ${variable ?? ""} is not set`);
  return Buffer.from(value);
}

async function download(url: string, signal: AbortSignal): Promise<Download> {
  const response = await fetch(url, { signal }).catch((cause: unknown) => {
    throw new Error(`${url}: ${describeError(cause)}`, { cause });
  });
  if (!response.ok || response.body === null) {
    throw new Error(`${url}: the server answers ${response.status} ${response.statusText}`);
  }
  const modified = Date.parse(response.headers.get("last-modified") ?? "");
  return { content: response.body, lastModified: Number.isNaN(modified) ? undefined : modified };
}
