import { execFile } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Session } from "#build/cache/session.ts";
import { LayeredTree } from "#build/tree/layered.ts";

export interface RepositoryRequest {
  /** With `#ref:directory` at its end, or not. */
  readonly url: string;
  /** The commit that it must be; empty for any. */
  readonly checksum: string;
  readonly keepGitDir: boolean;
}

const environment = {
  PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  GIT_TERMINAL_PROMPT: "0",
  GIT_CONFIG_NOSYSTEM: "1",
  HOME: "/nonexistent",
};
const errorBytesMax = 1_000;

/** The files of a git repository. @throws {Error} with what git says. */
export async function cloneRepository(
  request: RepositoryRequest,
  session: Session,
  signal: AbortSignal,
): Promise<LayeredTree> {
  const [, remote = "", ref = "", inner = ""] =
    /^([^#]*)(?:#([^:]*)(?::(.*))?)?$/.exec(request.url) ?? [];
  const directory = session.newDirectory("git");
  async function git(...args: readonly string[]): Promise<string> {
    try {
      const options = { cwd: directory, env: environment, signal };
      return (await promisify(execFile)("git", [...args], options)).stdout.trim();
    } catch (cause) {
      signal.throwIfAborted();
      const { stderr = "" } = cause as { readonly stderr?: string };
      throw new Error(
        `git ${args[0] ?? ""} of ${remote} failed: ${stderr.trim().slice(0, errorBytesMax)}`,
        { cause },
      );
    }
  }
  await git("init", "--quiet");
  await git("fetch", "--quiet", "--depth=1", "--end-of-options", remote, ref === "" ? "HEAD" : ref);
  await git("checkout", "--quiet", "FETCH_HEAD");
  const commit = await git("rev-parse", "HEAD");
  if (request.checksum !== "" && !commit.startsWith(request.checksum)) {
    throw new Error(`expected the commit ${request.checksum} of ${remote}, and it is ${commit}`);
  }
  if (!request.keepGitDir) rmSync(join(directory, ".git"), { recursive: true });
  const whole = new LayeredTree([{ directory, opaque: new Set() }]);
  const entry = whole.find(inner, true);
  if (entry?.stats.isDirectory() !== true) throw new Error(`${remote} has no directory '${inner}'`);
  return new LayeredTree([{ directory: entry.hostPath, opaque: new Set() }]);
}
