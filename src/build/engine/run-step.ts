import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { readFiles } from "#build/archive/gnu-tar.ts";
import { stepKey, type StepKey } from "#build/cache/key.ts";
import {
  ExitError,
  runContainer,
  removeContainer,
  type PrivateFile,
} from "#build/run/container.ts";
import type { Overlay } from "#build/run/plan.ts";
import { runtimeSpec, systemMounts, type SpecMount } from "#build/run/spec.ts";
import { resolveProcessUser } from "#oci/user.ts";
import { nameOf } from "#build/stage/environment.ts";
import type { RunOperation } from "#build/stage/operations.ts";
import { fromBytesText } from "#build/tar/entry.ts";
import { readTar } from "#build/tar/read.ts";
import { LayeredTree } from "#build/tree/layered.ts";
import { accountsOf } from "./accounts.ts";
import type { StepResult } from "./build-files.ts";
import type { StepProgress } from "./progress.ts";
import { mountsKey, planMounts, type MountPlan, type SourcedMount } from "./run-mounts.ts";
import type { StepRecord } from "#build/cache/step-cache.ts";
import type { BuildOptions, BuildWorld } from "./world.ts";

export interface RunRequest {
  readonly operation: RunOperation;
  readonly mounts: readonly SourcedMount[];
  /** The layers of the stage so far, the topmost first. */
  readonly records: () => Promise<readonly StepRecord[]>;
  readonly parentKey: StepKey;
  readonly options: BuildOptions;
  readonly progress: StepProgress;
}

const hostname = "buildkitsandbox";
const hosts = `127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n127.0.0.1\t${hostname}\n`;

export function runKey({ operation, mounts, parentKey, options }: RunRequest): StepKey {
  const { args, script, environment, workdir, user, network, security } = operation;
  return stepKey(
    "run",
    parentKey,
    { args, script, environment, workdir, user, network: networkOf(operation, options), security },
    mountsKey(mounts),
    network,
    ...(options.extraHosts.length === 0 ? [] : [options.extraHosts]),
  );
}

function networkOf(operation: RunOperation, options: BuildOptions): "host" | "none" {
  return operation.network === "default" ? options.network : operation.network;
}

/** What a RUN has made before; undefined when it has to be run. */
export async function findRun(
  request: RunRequest,
  world: BuildWorld,
  signal: AbortSignal,
): Promise<StepRecord | undefined> {
  if (request.options.noCache) return undefined;
  const key = runKey(request);
  await world.bringStep(key, signal);
  return world.cache.findAlias(key, world.session) ?? world.cache.find(key, world.session);
}

/** @throws {ExitError} when the command fails. @throws {Error} when it cannot be run. */
export async function runStep(
  request: RunRequest,
  world: BuildWorld,
  signal: AbortSignal,
): Promise<StepResult> {
  const { operation, options } = request;
  if (operation.security === "insecure" && !options.allowInsecure) {
    throw new Error("--security=insecure is not allowed: build with --allow security.insecure");
  }
  const { session, cache } = world;
  const records = await request.records();
  const tree = treeOf(records, world);
  const upper = session.newDirectory("upper");
  const code = await execute({ request, records, tree, upper }, world, signal);
  if (code !== 0) throw new ExitError(operation.args, code);
  const found = await inspect(upper, tree, signal);
  const key = runKey(request);
  const step = { title: operation.title, ...found };
  if (!options.noCache)
    return { record: cache.add({ ...step, key }, upper, session), cached: false, foundUnder: key };
  // The old result may be in use; the new one goes before it from now on.
  const fresh = stepKey(key, session.directory, upper);
  const record = cache.add({ ...step, key: fresh }, upper, session);
  cache.addAlias(key, fresh);
  return { record, cached: false, foundUnder: key };
}

function treeOf(records: readonly StepRecord[], world: BuildWorld): LayeredTree | undefined {
  if (records.length === 0) return undefined;
  return new LayeredTree(records.map((it) => world.cache.treeLayer(it)));
}

interface Execution {
  readonly request: RunRequest;
  readonly records: readonly StepRecord[];
  readonly tree: LayeredTree | undefined;
  readonly upper: string;
}

async function execute(
  { request, records, tree, upper }: Execution,
  world: BuildWorld,
  signal: AbortSignal,
): Promise<number> {
  const { operation, options } = request;
  const { session, layout } = world;
  const privateDirectory = session.newDirectory("private");
  const bundle = join(privateDirectory, "bundle");
  const emptyLayer = session.newDirectory("empty");
  const mounts = await planMounts(request.mounts, {
    workdir: operation.workdir,
    options,
    world,
    privateDirectory,
    emptyLayer,
    signal,
  });
  const id = `gantry-build-${basename(session.directory)}-${basename(upper)}`;
  const system = systemFiles(operation, options, privateDirectory);
  const stubs = session.newDirectory("stubs");
  makeStubs(stubs, tree, [...mounts.targets, ...system.mounts.map(fileTarget)]);
  const rootOverlay: Overlay = {
    lowers: [...records.map((it) => it.directory), stubs],
    changes: { upper, work: session.newDirectory("work") },
    at: join(bundle, "rootfs"),
  };
  const spec = specOf(request, { mounts, system, tree, id });
  const config = {
    name: "bundle/config.json",
    content: JSON.stringify(spec),
    mode: 0o600,
    uid: 0,
    gid: 0,
  };
  const runtimeRoot = join(session.directory, "runc");
  try {
    return await runContainer(
      {
        id,
        plan: {
          directory: layout.layers,
          private: privateDirectory,
          overlays: [rootOverlay, ...mounts.overlays],
          locks: mounts.locks,
          bundle,
        },
        directories: ["bundle", "bundle/rootfs"],
        files: [config, ...system.files, ...mounts.files],
        runtimeRoot,
        output: (chunk) => {
          request.progress.log(chunk);
        },
      },
      signal,
    );
  } finally {
    if (existsSync(join(runtimeRoot, id))) await removeContainer(runtimeRoot, id);
  }
}

function fileTarget(mount: SpecMount): { path: string; isFile: boolean } {
  return { path: mount.destination, isFile: true };
}

interface SystemFiles {
  readonly files: readonly PrivateFile[];
  readonly mounts: readonly SpecMount[];
}

/** Names of machines, as the one that builds has them, and a heredoc's script. */
function systemFiles(
  { script }: RunOperation,
  { extraHosts }: BuildOptions,
  directory: string,
): SystemFiles {
  const resolv = existsSync("/etc/resolv.conf") ? readFileSync("/etc/resolv.conf", "utf8") : "";
  const all = [
    { destination: "/etc/resolv.conf", name: "resolv.conf", content: resolv, mode: 0o644 },
    {
      destination: "/etc/hosts",
      name: "hosts",
      content: [hosts, ...extraHosts.map((it) => `${it}\n`)].join(""),
      mode: 0o644,
    },
    ...(script === undefined
      ? []
      : [{ destination: script.path, name: "script", content: script.content, mode: 0o755 }]),
  ];
  return {
    files: all.map(({ name, content, mode }) => ({ name, content, mode, uid: 0, gid: 0 })),
    mounts: all.map(({ destination, name }) => ({
      destination,
      type: "bind",
      source: join(directory, name),
      options: ["rbind", "rprivate", "ro"],
    })),
  };
}

function specOf(
  { operation, options }: RunRequest,
  with_: {
    readonly mounts: MountPlan;
    readonly system: SystemFiles;
    readonly tree: LayeredTree | undefined;
    readonly id: string;
  },
): object {
  const environment = new Map<string, string>();
  const lines = [
    ...operation.unkeyedEnvironment,
    ...operation.environment,
    ...with_.mounts.environment,
  ];
  for (const line of lines) environment.set(nameOf(line), line);
  return runtimeSpec({
    args: operation.args,
    environment: [...environment.values()],
    workdir: operation.workdir,
    user: resolveProcessUser(operation.user, accountsOf(with_.tree)),
    mounts: [...with_.system.mounts, ...with_.mounts.mounts],
    network: networkOf(operation, options),
    insecure: operation.security === "insecure",
    hostname: options.buildArgs.get("BUILDKIT_SANDBOX_HOSTNAME") ?? hostname,
    cgroupsPath: `/${with_.id}`,
    limits: options.limits,
  });
}

/**
 * Makes the places where something is mounted in a layer below all others, so that they do not
 * become files of the image.
 */
function makeStubs(
  directory: string,
  tree: LayeredTree | undefined,
  targets: readonly { readonly path: string; readonly isFile: boolean }[],
): void {
  const system = systemMounts.map((it) => ({ path: it.destination, isFile: false }));
  for (const { path, isFile } of [...system, ...targets]) {
    // `/dev` is a file system of its own in the container.
    if (path.startsWith("/dev/")) continue;
    const { entry, missing } = tree?.walk(path, true) ?? { entry: undefined, missing: [path] };
    const at = join(directory, ...(entry?.names ?? []), ...missing);
    mkdirSync(isFile ? dirname(at) : at, { recursive: true });
    if (isFile && !existsSync(at)) writeFileSync(at, "");
  }
}

/** What a directory of changes holds: its size, and the directories in it that hide others. */
async function inspect(
  upper: string,
  below: LayeredTree | undefined,
  signal: AbortSignal,
): Promise<{ readonly sizeBytes: number; readonly opaque: readonly string[] }> {
  let sizeBytes = 0;
  const candidates: string[] = [];
  const waiting: string[] = [""];
  for (;;) {
    const path = waiting.pop();
    if (path === undefined) break;
    for (const name of readdirSync(join(upper, path))) {
      const child = path === "" ? name : `${path}/${name}`;
      const stats = lstatSync(join(upper, child));
      if (stats.isFile()) sizeBytes += stats.size;
      if (!stats.isDirectory()) continue;
      waiting.push(child);
      // Only what is there below can be hidden.
      if (below?.find(child, false)?.stats.isDirectory() === true) candidates.push(child);
    }
  }
  const opaque: string[] = [];
  if (candidates.length > 0) {
    const archive = readTar(readFiles({ directory: upper, paths: candidates }, signal));
    for await (const { entry } of archive) {
      if (entry.xattrs.has("trusted.overlay.opaque")) opaque.push(fromBytesText(entry.name));
    }
  }
  return { sizeBytes, opaque };
}

/** Removes what a killed build has left: containers and directories. */
export async function removeSession(directory: string): Promise<void> {
  const runtimeRoot = join(directory, "runc");
  if (existsSync(runtimeRoot)) {
    for (const id of readdirSync(runtimeRoot)) await removeContainer(runtimeRoot, id);
  }
  rmSync(directory, { recursive: true, force: true });
}
