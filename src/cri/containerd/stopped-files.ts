import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rmdir, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Clock } from "#base/clock.ts";
import { openRoot } from "#cri/rooted-path.ts";
import { Snapshots } from "#cri/gen/snapshots_pb.ts";
import { toRuntimeError } from "./errors.ts";
import type { GrpcConnection } from "./grpc.ts";
import { namespaceHeader, snapshotter } from "./namespace.ts";

const run = promisify(execFile);
const callMsMax = 60_000;

interface Options {
  readonly connection: GrpcConnection;
  readonly clock: Clock;
  /** For mount points that are there for a moment. */
  readonly execDir: string;
}

/**
 * The root directory of a container that has ended, as its last process left it, without volumes. It
 * is mounted where nobody else sees it, and goes with the handle. @throws {RuntimeError}
 */
export async function openStoppedFiles(
  { connection, clock, execDir }: Options,
  id: string,
  signal: AbortSignal,
): Promise<FileHandle> {
  const bound = { deadlineMs: clock.now() + callMsMax, headers: namespaceHeader };
  try {
    const request = { snapshotter, key: id };
    const { mounts } = await connection.unary(Snapshots.method.mounts, request, bound, signal);
    const [mount] = mounts;
    if (mount === undefined) throw new Error("its snapshot has no mounts");
    await mkdir(execDir, { recursive: true, mode: 0o700 });
    const directory = await mkdtemp(join(execDir, "files-"));
    try {
      await mountAt(directory, mount, signal);
      try {
        return await openRoot(directory);
      } finally {
        // What is open stays until it is closed.
        await run("umount", ["--lazy", directory]);
      }
    } finally {
      await rmdir(directory);
    }
  } catch (error) {
    throw toRuntimeError(`open the files of container ${id}`, "container", error);
  }
}

async function mountAt(
  directory: string,
  mount: { readonly type: string; readonly source: string; readonly options: readonly string[] },
  signal: AbortSignal,
): Promise<void> {
  const { cwd, options } = shortened(mount.options);
  const args = ["-t", mount.type, "-o", options.join(","), mount.source, directory];
  await run("mount", args, { signal, ...(cwd === undefined ? {} : { cwd }) });
}

/**
 * Layers by paths below the directory of all of them: the kernel takes no more than a page of
 * options, which images of many layers would fill.
 */
export function shortened(options: readonly string[]): {
  readonly cwd: string | undefined;
  readonly options: readonly string[];
} {
  const upper = options.find((it) => it.startsWith("upperdir="))?.slice("upperdir=".length) ?? "";
  const [, cwd] = /^(\/.*\/)[^/]+\/fs$/.exec(upper) ?? [];
  if (cwd === undefined) return { cwd: undefined, options };
  const short = options.map((it) => {
    const [name = "", value] = it.split("=", 2);
    if (value === undefined) return it;
    const paths = value
      .split(":")
      .map((path) => (path.startsWith(cwd) ? path.slice(cwd.length) : path));
    return `${name}=${paths.join(":")}`;
  });
  return { cwd, options: short };
}
