import type { ProcessSettings } from "#cri/runtime.ts";
import { resolveProcessUser, type Accounts } from "#oci/user.ts";

/** The `process` of an OCI runtime configuration, as far as it matters here. */
export interface OciProcess {
  readonly cwd?: string;
  readonly env?: readonly string[];
  readonly [field: string]: unknown;
}

/**
 * A further process of a container: as its first one, but for what the settings say. Rights, limits
 * and the filter of system calls stay the container's; `privileged` adds capabilities. The runtime
 * adds the user's HOME where there is none.
 * @throws {Error} for a user that the container's files do not name.
 */
export function processSpec(
  first: OciProcess,
  asked: ProcessSettings & { readonly command: readonly string[]; readonly tty: boolean },
  node: {
    readonly accounts: Accounts;
    /** What this process may hand on: no more can be given. */
    readonly capabilities: readonly string[];
  },
): OciProcess {
  const { user, workdir, env, command, tty, privileged } = asked;
  return {
    ...first,
    ...(user === undefined ? {} : { user: resolveProcessUser(user, node.accounts) }),
    ...(privileged ? { capabilities: all(node.capabilities), noNewPrivileges: false } : {}),
    terminal: tty,
    args: command,
    cwd: workdir ?? first.cwd ?? "/",
    env: lastOfEach([...(first.env ?? []), ...(tty ? ["TERM=xterm"] : []), ...env]),
  };
}

function all(names: readonly string[]): OciProcess {
  return { bounding: names, effective: names, permitted: names };
}

/** Of variables that are there twice, the later one counts. */
function lastOfEach(env: readonly string[]): readonly string[] {
  return [...new Map(env.map((it) => [it.split("=", 1)[0] ?? "", it])).values()];
}
