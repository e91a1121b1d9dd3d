import { execFile } from "node:child_process";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import type { Session } from "#build/cache/session.ts";
import { LayeredTree } from "#build/tree/layered.ts";
import { accessEnvironment, withoutPasswords, type GitAccess } from "./access.ts";
import { parseRepositoryUrl } from "./repository-url.ts";

export interface RepositoryRequest {
  /** See {@link parseRepositoryUrl}. */
  readonly url: string;
  /** The commit that it must be, or its beginning; empty for any, or for the one in the URL. */
  readonly checksum: string;
  /** Unless the URL says. */
  readonly keepGitDir: boolean;
}

const environment = {
  PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  GIT_TERMINAL_PROMPT: "0",
  GIT_CONFIG_NOSYSTEM: "1",
  HOME: "/nonexistent",
};
const errorBytesMax = 1_000;
const commitPattern = /^[0-9a-f]{7,64}$/;

/** Runs git in a directory, and resolves with what it prints. @throws {Error} with what it says. */
type Git = (...args: readonly string[]) => Promise<string>;

/** The files of a git repository, as of one commit. @throws {Error} with what git says. */
export async function cloneRepository(
  request: RepositoryRequest,
  { session, gitAccess }: { readonly session: Session; readonly gitAccess: GitAccess },
  signal: AbortSignal,
): Promise<LayeredTree> {
  const url = parseRepositoryUrl(request.url);
  const { remote, ref } = url;
  const directory = session.newDirectory("git");
  const access = await accessEnvironment(remote, gitAccess, session.newPath("hosts"));
  const git = gitIn(directory, { remote, access }, signal);
  await git("init", "--quiet");
  await git("remote", "add", "origin", "--", remote);
  await checkOut(git, ref, signal);
  const commit = await git("rev-parse", "HEAD");
  const checksums = [request.checksum, url.checksum].filter((it) => it !== "");
  const wrong = checksums.find((it) => !commit.startsWith(it));
  if (wrong !== undefined) {
    throw new Error(`expected the commit ${wrong} of ${remote}, and it is ${commit}`);
  }
  if (url.submodules && existsSync(join(directory, ".gitmodules"))) {
    await git("submodule", "--quiet", "update", "--init", "--recursive", "--depth=1");
  }
  if (!(url.keepGitDir ?? request.keepGitDir)) removeGitDirectories(directory);
  const whole = new LayeredTree([{ directory, opaque: new Set() }]);
  const entry = whole.find(url.directory, true);
  if (entry?.stats.isDirectory() !== true) {
    throw new Error(`${remote} has no directory '${url.directory}'`);
  }
  return new LayeredTree([{ directory: entry.hostPath, opaque: new Set() }]);
}

/** A commit that the server does not give by its name is looked for in all branches and tags. */
async function checkOut(git: Git, ref: string, signal: AbortSignal): Promise<void> {
  const fetch = ["fetch", "--quiet"] as const;
  try {
    await git(...fetch, "--depth=1", "--end-of-options", "origin", ref === "" ? "HEAD" : ref);
    await git("checkout", "--quiet", "FETCH_HEAD");
  } catch (error) {
    signal.throwIfAborted();
    if (!commitPattern.test(ref)) throw error;
    await git(...fetch, "--tags", "origin", "+refs/heads/*:refs/remotes/origin/*");
    await git("checkout", "--quiet", "--detach", ref);
  }
}

/** Of submodules too: git lets no file of a repository have this name. */
function removeGitDirectories(directory: string): void {
  rmSync(join(directory, ".git"), { recursive: true });
  if (!existsSync(join(directory, ".gitmodules"))) return;
  for (const path of readdirSync(directory, { recursive: true, encoding: "utf8" })) {
    if (basename(path) === ".git") rmSync(join(directory, path), { recursive: true });
  }
}

function gitIn(
  directory: string,
  {
    remote,
    access,
  }: { readonly remote: string; readonly access: Readonly<Record<string, string>> },
  signal: AbortSignal,
): Git {
  return async (...args) => {
    const options = { cwd: directory, env: { ...environment, ...access }, signal };
    const done = await promisify(execFile)("git", [...args], options).catch(failureOf);
    if (!("code" in done)) return done.stdout.trim();
    signal.throwIfAborted();
    if (done.code === "ENOENT") {
      throw new Error(
        `cannot get ${withoutPasswords(remote)}: install the Debian packages git and openssh-client`,
      );
    }
    const said = done.stderr.trim().slice(0, errorBytesMax);
    const error = `git ${args[0] ?? ""} of ${remote} failed: ${said}${remedyOf(said)}`;
    throw new Error(withoutPasswords(error));
  };
}

/** What is shown of a failure: the error itself has addresses with their passwords. */
function failureOf(error: unknown): { readonly code: unknown; readonly stderr: string } {
  const { stderr = "", code } = error as { readonly stderr?: string; readonly code?: unknown };
  return { code, stderr };
}

/** What helps where git says that it may not. */
function remedyOf(said: string): string {
  if (/could not read Username|Authentication failed/.test(said)) {
    return "\nIf the repository is private: --secret id=GIT_AUTH_TOKEN,env=VARIABLE";
  }
  return said.includes("Permission denied (publickey")
    ? "\nTo use your agent's keys: --ssh default"
    : "";
}
