import { spawn } from "node:child_process";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

/**
 * GNU tar reads and makes files: it knows of owners, devices, hard links and extended attributes,
 * which Node does not, and is on every Debian. Which files and what they are called is decided here.
 */

/** Extended attributes that are part of an image, and overlayfs' mark of a directory that hides. */
const attributes: readonly string[] = ["security.capability", "user.*", "trusted.overlay.opaque"];
const errorBytesMax = 2_000;
/** Nothing of the caller's environment changes what is made. */
const environment = {
  PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  LC_ALL: "C",
  TZ: "UTC",
};

export interface ReadRequest {
  readonly directory: string;
  /** Paths, each for itself; undefined for all below the directory, as `./name`. */
  readonly paths?: readonly string[] | undefined;
}

/** The archive of files as they are. @throws {Error} with what tar says, also midway. */
export async function* readFiles(
  request: ReadRequest,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  const { paths } = request;
  const which =
    paths === undefined ? ["--sort=name", "."] : ["--no-recursion", "--null", "--files-from=-"];
  const args = [
    "--create",
    "--file=-",
    "--format=posix",
    "--numeric-owner",
    "--absolute-names",
    "--warning=no-file-ignored",
    "--xattrs",
    ...attributes.map((it) => `--xattrs-include=${it}`),
    `--directory=${request.directory}`,
    ...which,
  ];
  const child = spawn("tar", args, { signal, env: environment, stdio: ["pipe", "pipe", "pipe"] });
  const ended = outcome(child);
  // A failure is told by the exit code; what it did not read any more does not matter.
  child.stdin.on("error", () => undefined);
  child.stdin.end((paths ?? []).map((it) => `${it}\0`).join(""));
  try {
    for await (const chunk of child.stdout) yield chunk as Buffer;
    await ended;
  } finally {
    child.stdout.destroy();
    await ended.catch(() => undefined);
  }
}

/** Makes the files of an archive below a directory, with owners and all. @throws {Error} */
export async function makeFiles(
  directory: string,
  archive: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<void> {
  const args = [
    "--extract",
    "--file=-",
    "--numeric-owner",
    "--same-owner",
    "--same-permissions",
    "--delay-directory-restore",
    "--xattrs",
    "--xattrs-include=*",
    `--directory=${directory}`,
  ];
  const child = spawn("tar", args, { signal, env: environment, stdio: ["pipe", "ignore", "pipe"] });
  const ended = outcome(child);
  try {
    await pipeline(archive, child.stdin, { signal });
  } catch (error) {
    // What tar says is why it takes no more.
    const isBrokenPipe = (error as NodeJS.ErrnoException).code === "EPIPE";
    if (isBrokenPipe) await ended;
    await ended.catch(() => undefined);
    signal.throwIfAborted();
    throw error;
  }
  await ended;
}

/** Resolves at a good end. @throws {Error} with what the program says. */
async function outcome(child: ReturnType<typeof spawn>): Promise<void> {
  let said = "";
  (child.stderr as Readable).on("data", (chunk: Buffer) => {
    if (said.length < errorBytesMax) said += chunk.toString("utf8");
  });
  const ended = new Promise<void>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signalName) => {
      if (code === 0) resolve();
      else reject(new Error(`tar failed (${code ?? signalName ?? "?"}): ${said.trim()}`));
    });
  });
  // Awaited by who started it, perhaps later.
  ended.catch(() => undefined);
  await ended;
}
