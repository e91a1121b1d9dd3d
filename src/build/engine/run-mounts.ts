import { createHash } from "node:crypto";
import {
  rmSync,
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { makeFiles } from "#build/archive/gnu-tar.ts";
import { fileEntries } from "#build/copy/entries.ts";
import { placeSelection } from "#build/copy/place.ts";
import { select } from "#build/copy/select.ts";
import { writeTar } from "#build/tar/write.ts";
import type { StepKey } from "#build/cache/key.ts";
import type { RunMount } from "#build/dockerfile/run-mounts.ts";
import { cleanPath } from "#build/paths/clean.ts";
import type { PrivateFile } from "#build/run/container.ts";
import type { Overlay } from "#build/run/plan.ts";
import type { SpecMount } from "#build/run/spec.ts";
import { useMount } from "#build/cache/mount-cache.ts";
import type { StepRecord } from "#build/cache/step-cache.ts";
import type { LayeredTree } from "#build/tree/layered.ts";
import type { BuildOptions, BuildWorld } from "./world.ts";

/** What a mount takes its files from. */
export interface MountSource {
  /** What they were made from; the same key means the same files. */
  readonly key: StepKey;
  /** The topmost first. */
  readonly records: () => Promise<readonly StepRecord[]>;
  readonly tree: () => Promise<LayeredTree | undefined>;
}

/** A mount and where its files are from; undefined for those that need none. */
export interface SourcedMount {
  readonly mount: RunMount;
  readonly source: MountSource | undefined;
}

/** What the mounts of one RUN need. */
export interface MountPlan {
  readonly mounts: readonly SpecMount[];
  readonly overlays: readonly Overlay[];
  readonly files: readonly PrivateFile[];
  readonly locks: readonly string[];
  readonly environment: readonly string[];
  /** Where they are mounted, and whether on a file. */
  readonly targets: readonly { readonly path: string; readonly isFile: boolean }[];
}

/** The part of a RUN's key that its mounts are. Contents of caches and secrets are no part of it. */
export function mountsKey(mounts: readonly SourcedMount[]): unknown {
  return mounts.map(({ mount, source }) => [mount, source?.key ?? ""]);
}

export interface MountContext {
  readonly workdir: string;
  readonly options: BuildOptions;
  readonly world: BuildWorld;
  /** Where private files will be. */
  readonly privateDirectory: string;
  /** An empty directory: a mount of layers has two at least. */
  readonly emptyLayer: string;
  readonly signal: AbortSignal;
}

/** @throws {Error} for secrets and agents that are required and not given. */
export async function planMounts(
  mounts: readonly SourcedMount[],
  context: MountContext,
): Promise<MountPlan> {
  const plans: Partial<MountPlan>[] = [];
  for (const [index, sourced] of mounts.entries()) {
    plans.push(await planOne(sourced, index, context));
  }
  return {
    mounts: plans.flatMap((it) => it.mounts ?? []),
    overlays: plans.flatMap((it) => it.overlays ?? []),
    files: plans.flatMap((it) => it.files ?? []),
    locks: plans.flatMap((it) => it.locks ?? []),
    environment: plans.flatMap((it) => it.environment ?? []),
    targets: plans.flatMap((it) => it.targets ?? []),
  };
}

async function planOne(
  { mount, source }: SourcedMount,
  index: number,
  context: MountContext,
): Promise<Partial<MountPlan>> {
  switch (mount.type) {
    case "bind":
      return await planBind(mount, source, index, context);
    case "cache":
      return await planCache(mount, source, context);
    case "tmpfs":
      return planTmpfs(mount, context);
    case "secret":
      return await planSecret(mount, index, context);
    case "ssh":
      return planSsh(mount, index, context);
  }
}

/** @throws {Error} for the root. */
function targetOf(mount: RunMount, { workdir }: MountContext): string {
  const path = cleanPath(
    mount.target.startsWith("/") ? mount.target : `${workdir}/${mount.target}`,
  );
  if (path === "/") throw new Error(`invalid mount target "${mount.target}"`);
  return path;
}

async function planBind(
  mount: RunMount,
  source: MountSource | undefined,
  index: number,
  context: MountContext,
): Promise<Partial<MountPlan>> {
  const { world, emptyLayer } = context;
  const destination = targetOf(mount, context);
  const tree = await source?.tree();
  const entry = tree?.find(mount.source, true);
  if (source === undefined || entry === undefined) {
    throw new Error(
      `"${mount.source === "" ? "/" : mount.source}": not found, to mount at ${mount.target}`,
    );
  }
  const at = world.session.newDirectory(`bind${index}-`);
  const overlay: Overlay = {
    lowers: [...(await source.records()).map((it) => it.directory), emptyLayer],
    // What is written goes nowhere.
    changes: mount.readOnly
      ? undefined
      : { upper: world.session.newDirectory("upper"), work: world.session.newDirectory("work") },
    at,
  };
  const options = ["rbind", "rprivate", mount.readOnly ? "ro" : "rw"];
  return {
    overlays: [overlay],
    mounts: [{ destination, type: "bind", source: join(at, ...entry.names), options }],
    targets: [{ path: destination, isFile: !entry.stats.isDirectory() }],
  };
}

async function planCache(
  mount: RunMount,
  source: MountSource | undefined,
  context: MountContext,
): Promise<Partial<MountPlan>> {
  const destination = targetOf(mount, context);
  const { layout, session } = context.world;
  const name = createHash("sha256")
    .update(cacheId(mount, context.options.buildArgs))
    .digest("hex")
    .slice(0, 24);
  const base = join(layout.mounts, name);
  const directory = mount.sharing === "private" ? claimPrivate(base, session.directory) : base;
  useMount(basename(directory), session);
  if (!existsSync(directory)) {
    mkdirSync(directory, { recursive: true });
    await fillCache(directory, mount, source, context);
    chmodSync(directory, mount.mode ?? 0o755);
    chownSync(directory, mount.uid ?? 0, mount.gid ?? 0);
  }
  const lock = `${base}.lock`;
  if (mount.sharing === "locked") closeSync(openSync(lock, "a"));
  const options = ["rbind", "rprivate", mount.readOnly ? "ro" : "rw"];
  return {
    mounts: [{ destination, type: "bind", source: directory, options }],
    targets: [{ path: destination, isFile: false }],
    locks: mount.sharing === "locked" ? [lock] : [],
  };
}

/** Caches of other namespaces are other caches: the build argument BUILDKIT_CACHE_MOUNT_NS. */
function cacheId(mount: RunMount, buildArgs: ReadonlyMap<string, string>): string {
  const id = mount.id === "" ? cleanPath(mount.target) : mount.id;
  const namespace = buildArgs.get("BUILDKIT_CACHE_MOUNT_NS") ?? "";
  return namespace === "" ? id : `${namespace}/${id}`;
}

/** A new cache begins with the files of `from`. */
async function fillCache(
  directory: string,
  mount: RunMount,
  source: MountSource | undefined,
  { signal }: MountContext,
): Promise<void> {
  const tree = await source?.tree();
  if (tree === undefined) return;
  const options = { excludes: undefined, parents: false };
  const selections = select({ tree, ignore: undefined }, mount.source, options);
  const destination = { tree: undefined, path: "/" };
  const files = selections.flatMap((it) => placeSelection(it, destination, false).files);
  const unchanged = { owner: undefined, mode: undefined };
  const entries = fileEntries(
    files.filter((it) => it.target !== ""),
    unchanged,
    signal,
  );
  await makeFiles(directory, writeTar(entries), signal);
}

/** A cache's directory that no other running build has. */
function claimPrivate(base: string, session: string): string {
  for (let number = 0; ; number++) {
    const directory = `${base}.${number}`;
    const claim = `${directory}.owner`;
    if (existsSync(claim) && !existsSync(readFileSync(claim, "utf8")))
      rmSync(claim, { force: true });
    try {
      writeFileSync(claim, session, { flag: "wx" });
      return directory;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
  }
}

function planTmpfs(mount: RunMount, context: MountContext): Partial<MountPlan> {
  const destination = targetOf(mount, context);
  const size = mount.sizeBytes === undefined ? [] : [`size=${mount.sizeBytes}`];
  const options = ["nosuid", "nodev", ...(mount.readOnly ? ["ro"] : []), ...size];
  return {
    mounts: [{ destination, type: "tmpfs", source: "tmpfs", options }],
    targets: [{ path: destination, isFile: false }],
  };
}

const secretMode = 0o400;

async function planSecret(
  mount: RunMount,
  index: number,
  context: MountContext,
): Promise<Partial<MountPlan>> {
  const id = [mount.source, mount.id].find((it) => it !== "") ?? basename(mount.target);
  const read = context.options.secrets.get(id);
  if (read === undefined) {
    if (!mount.required) return {};
    throw new Error(`secret ${id}: not found: give it with --secret id=${id},src=FILE`);
  }
  const content = await read();
  const environment =
    mount.env === undefined
      ? []
      : [`${mount.env === "" ? id : mount.env}=${content.toString("utf8")}`];
  if (mount.env !== undefined && mount.target === "") return { environment };
  const target = mount.target === "" ? `/run/secrets/${basename(id)}` : mount.target;
  const destination = targetOf({ ...mount, target }, context);
  const name = `secrets/${index}`;
  const mode = mount.mode ?? secretMode;
  return {
    environment,
    files: [{ name, content, mode, uid: mount.uid ?? 0, gid: mount.gid ?? 0 }],
    mounts: [
      {
        destination,
        type: "bind",
        source: join(context.privateDirectory, name),
        options: ["rbind", "rprivate", "ro"],
      },
    ],
    targets: [{ path: destination, isFile: true }],
  };
}

function planSsh(mount: RunMount, index: number, context: MountContext): Partial<MountPlan> {
  const id = mount.id === "" ? "default" : mount.id;
  const socket = context.options.sshSockets.get(id);
  if (socket === undefined) {
    if (!mount.required) return {};
    throw new Error(`no SSH agent ${id} was given: use --ssh ${id}=SOCKET`);
  }
  const target = mount.target === "" ? `/run/buildkit/ssh_agent.${index}` : mount.target;
  const destination = targetOf({ ...mount, target }, context);
  return {
    environment: [`SSH_AUTH_SOCK=${destination}`],
    mounts: [{ destination, type: "bind", source: socket, options: ["bind", "rprivate", "ro"] }],
    targets: [{ path: destination, isFile: true }],
  };
}
