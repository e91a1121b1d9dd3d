import { quoteWord } from "#base/shell.ts";

/** What opens repositories that are not for everybody. */
export interface GitAccess {
  /** The build's secrets by id. */
  readonly secrets: ReadonlyMap<string, () => Promise<Buffer>>;
  /** The socket of the agent whose keys ssh shows; undefined for none. */
  readonly sshSocket: string | undefined;
  /** The user's file of known hosts, which need not be there. */
  readonly knownHosts: string;
}

const headerSecret = "GIT_AUTH_HEADER";
const tokenSecret = "GIT_AUTH_TOKEN";
/** As this user GitHub, and others like it, take a token for a password. */
const tokenUser = "x-access-token";
/** A token for one repository there is one for the submodules too. Upstream: BuildKit, `source/git`. */
const wholeHosts = ["https://github.com/", "https://www.github.com/"];

/**
 * The part of git's environment that lets it into a repository: a header for HTTP from the secrets
 * `GIT_AUTH_HEADER` or `GIT_AUTH_TOKEN` (those with `.host` after the name first), or ssh with the
 * agent. Never arguments, which everybody on the machine sees.
 * @param newHosts a file for the keys of hosts that are not known; they are taken the first time.
 */
export async function accessEnvironment(
  remote: string,
  access: GitAccess,
  newHosts: string,
): Promise<Readonly<Record<string, string>>> {
  if (!/^https?:\/\//.test(remote)) return sshEnvironment(access, newHosts);
  const value = await authorization(new URL(remote).host, access);
  if (value === undefined) return {};
  const scope = wholeHosts.find((it) => remote.startsWith(it)) ?? remote;
  return {
    GIT_CONFIG_COUNT: "1",
    GIT_CONFIG_KEY_0: `http.${scope}.extraHeader`,
    GIT_CONFIG_VALUE_0: `Authorization: ${value}`,
  };
}

async function authorization(host: string, { secrets }: GitAccess): Promise<string | undefined> {
  for (const suffix of [`.${host}`, ""]) {
    const header = await secrets.get(`${headerSecret}${suffix}`)?.();
    if (header !== undefined) return header.toString("utf8").trim();
    const token = await secrets.get(`${tokenSecret}${suffix}`)?.();
    if (token === undefined) continue;
    const user = `${tokenUser}:${token.toString("utf8").trim()}`;
    return `basic ${Buffer.from(user).toString("base64")}`;
  }
  return undefined;
}

function sshEnvironment(
  { sshSocket, knownHosts }: GitAccess,
  newHosts: string,
): Readonly<Record<string, string>> {
  const options = [
    "BatchMode=yes",
    // A host that is known has to be who it was.
    "StrictHostKeyChecking=accept-new",
    `UserKnownHostsFile="${newHosts}" "${knownHosts}"`,
  ];
  const command = ["ssh -F /dev/null", ...options.map((it) => `-o ${quoteWord(it)}`)].join(" ");
  return {
    GIT_SSH_COMMAND: command,
    ...(sshSocket === undefined ? {} : { SSH_AUTH_SOCK: sshSocket }),
  };
}

/** Text that may be shown: without the passwords of addresses. */
export function withoutPasswords(text: string): string {
  return text.replace(/(\w:\/\/[^\s:/@]*):[^\s/@]*@/g, "$1:xxxxx@");
}
