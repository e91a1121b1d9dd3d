import { spawn, type ChildProcess } from "node:child_process";
import { Readable, type Writable } from "node:stream";
import { plainEntry } from "#build/tar/entry.ts";
import { writeTar, type WriteEntry } from "#build/tar/write.ts";
import { containerScript, filesDescriptor, type ContainerPlan } from "./plan.ts";

/** A file that only the container sees. */
export interface PrivateFile {
  /** Below the private directory. */
  readonly name: string;
  readonly content: string | Buffer;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

export interface ContainerRequest {
  readonly id: string;
  readonly plan: Omit<ContainerPlan, "runtime" | "name">;
  /** Directories below the private directory, beside those that files are in. */
  readonly directories: readonly string[];
  readonly files: readonly PrivateFile[];
  /** Where the runtime keeps what it knows of containers. */
  readonly runtimeRoot: string;
  readonly output: (chunk: string) => void;
}

/** The command ended, and not well. */
export class ExitError extends Error {
  override readonly name = "ExitError";
  readonly code: number;

  constructor(args: readonly string[], code: number) {
    super(`process "${args.join(" ")}" did not complete successfully: exit code: ${code}`);
    this.code = code;
  }
}

const environment = { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" };

/**
 * Runs a container to its end and resolves with its exit code. All mounts are in a mount namespace
 * of its own and go with it. When this process dies, the kernel kills the runtime.
 */
export async function runContainer(
  request: ContainerRequest,
  signal: AbortSignal,
): Promise<number> {
  signal.throwIfAborted();
  const runtime = ["runc", "--root", request.runtimeRoot, "run"];
  const script = containerScript({ ...request.plan, runtime, name: request.id });
  const args = [
    "--pdeathsig",
    "KILL",
    "unshare",
    "--mount",
    "--propagation",
    "private",
    "sh",
    "-c",
    script,
  ];
  const child = spawn("setpriv", args, {
    env: environment,
    stdio: ["ignore", "pipe", "pipe", "pipe"],
  });
  const ended = endOf(child);
  const pipe = child.stdio[filesDescriptor] as Writable;
  // A script that fails early is told by its exit code.
  pipe.on("error", () => undefined);
  Readable.from(writeTar(privateEntries(request))).pipe(pipe);
  for (const stream of [child.stdout, child.stderr]) {
    (stream as Readable).setEncoding("utf8").on("data", request.output);
  }
  const kill = (): void => {
    removeContainer(request.runtimeRoot, request.id)
      .catch(() => undefined)
      .finally(() => child.kill("SIGKILL"));
  };
  signal.addEventListener("abort", kill, { once: true });
  try {
    const code = await ended;
    signal.throwIfAborted();
    return code;
  } finally {
    signal.removeEventListener("abort", kill);
  }
}

async function* privateEntries({
  directories,
  files,
}: ContainerRequest): AsyncGenerator<WriteEntry, void, undefined> {
  for (const name of directories) {
    yield { entry: { ...plainEntry, kind: "directory", name, mode: 0o755 } };
  }
  for (const { content, ...look } of files) {
    const bytes = Buffer.from(content);
    yield { entry: { ...plainEntry, ...look, size: bytes.length }, content: [bytes] };
  }
}

/** Ends a container and what is left of it. Resolves also when there is none. */
export async function removeContainer(runtimeRoot: string, id: string): Promise<void> {
  const args = ["--root", runtimeRoot, "delete", "--force", id];
  await endOf(spawn("runc", args, { env: environment, stdio: "ignore" }));
}

async function endOf(child: ChildProcess): Promise<number> {
  const ended = new Promise<number>((resolve, reject) => {
    child.once("error", (cause) => {
      const program = child.spawnfile;
      reject(
        new Error(`cannot run ${program}: install the Debian packages runc and util-linux`, {
          cause,
        }),
      );
    });
    child.once("close", (code) => {
      resolve(code ?? 137);
    });
  });
  // Awaited by who started it, perhaps later.
  ended.catch(() => undefined);
  return await ended;
}
